//! Small builders of HTML. Text goes in through [`Html::text`] and [`rich`] only, which escape it.

use crate::words;
use std::fmt::{self, Display, Write};

/// A piece of HTML that is known to be well formed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// Text, escaped.
    pub(super) fn text(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for c in words::printable(text).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
        Html(out)
    }

    /// Markup that this crate wrote: never anything from an input.
    pub(super) fn markup(markup: impl Into<String>) -> Self {
        Html(markup.into())
    }

    /// An element of a class (empty: none) around content.
    pub(super) fn element(name: &str, class: &str, content: impl Display) -> Self {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        Html(format!("<{name}{class}>{content}</{name}>"))
    }

    /// Text as code.
    pub(super) fn code(text: &str) -> Self {
        Html::element("code", "", Html::text(text))
    }

    /// Pieces one after the other.
    pub(super) fn concat(parts: impl IntoIterator<Item = Html>) -> Self {
        Html(parts.into_iter().map(|part| part.0).collect())
    }

    /// An unordered list of a class.
    pub(super) fn list(class: &str, items: impl IntoIterator<Item = Html>) -> Self {
        let items = Html::concat(items.into_iter().map(|item| Html::element("li", "", item)));
        Html::element("ul", class, items)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, part: Html) {
        self.0.push_str(&part.0);
        self.0.push('\n');
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text in which what stands between backticks is code, as diagnostics quote the user's input.
pub(super) fn rich(text: &str) -> Html {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks: one of them is not a quote, so none is taken for one.
    if parts.len().is_multiple_of(2) {
        return arrows(text);
    }
    Html::concat(parts.iter().enumerate().map(|(position, part)| match position % 2 {
        0 => arrows(part),
        _ => Html::code(part),
    }))
}

/// Text whose arrows stay whole: a line may break after a hyphen, and `-` alone is no arrow.
fn arrows(text: &str) -> Html {
    let mut parts = text.split(" -> ").map(Html::text);
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |held, part| Html::concat([held, Html::markup(" <span class=\"arrow\">-&gt;</span> "), part]))
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) number: bool,
}

/// A column of text.
pub(super) const fn words_column(name: &'static str) -> Column {
    Column { name, number: false }
}

/// A column of numbers.
pub(super) const fn number_column(name: &'static str) -> Column {
    Column { name, number: true }
}

/// A table with a caption; the first cell of a row heads it.
pub(super) fn table<const N: usize>(
    caption: &str,
    columns: [Column; N],
    rows: impl IntoIterator<Item = [Html; N]>,
) -> Html {
    let class = |column: &Column| if column.number { " class=\"num\"" } else { "" };
    let mut out = format!("<div class=\"scroll\"><table>\n<caption>{}</caption>\n<thead><tr>", Html::text(caption));
    // Writing to a string cannot fail, here and below.
    for column in &columns {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(column), Html::text(column.name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (position, (column, cell)) in columns.iter().zip(row).enumerate() {
            let class = class(column);
            let _ = match position {
                0 => write!(out, "<th scope=\"row\"{class}>{cell}</th>"),
                _ => write!(out, "<td{class}>{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>");
    Html(out)
}

/// Terms and what there is to say about them.
pub(super) fn facts(facts: impl IntoIterator<Item = (&'static str, Html)>) -> Html {
    let items = facts.into_iter().map(|(name, fact)| Html(format!("<dt>{}</dt><dd>{fact}</dd>\n", Html::text(name))));
    Html::element("dl", "", Html::concat(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(Html::text("<script>\"&'").to_string(), "&lt;script&gt;&quot;&amp;&#39;");
        assert_eq!(rich("a `<b>` c").to_string(), "a <code>&lt;b&gt;</code> c");
        let arrow = "a <span class=\"arrow\">-&gt;</span> &lt;b&gt;";
        assert_eq!(rich("a -> <b>").to_string(), arrow);
        assert_eq!(rich("it`s <b>").to_string(), "it`s &lt;b&gt;");
    }
}

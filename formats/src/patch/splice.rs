//! Changes of a YAML text, byte range by byte range.

use super::Left;
use crate::yaml::Layout;
use std::collections::BTreeSet;
use std::ops::Range;

/// The text is laid out otherwise than is edited; holds in what way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unwritable(pub(crate) &'static str);

impl From<Unwritable> for Left {
    fn from(Unwritable(how): Unwritable) -> Self {
        Left::Layout(how.to_owned())
    }
}

/// What is to become of the items of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListEdit {
    /// Positions of items that go.
    pub(crate) removed: BTreeSet<usize>,
    /// Items to stand before all others, as they are written in a block.
    pub(crate) front: Vec<String>,
    /// Items to stand after all others.
    pub(crate) back: Vec<String>,
}

/// Changes of one text that do not touch each other.
pub(crate) struct Splices<'t> {
    text: &'t str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Splices<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, changes: Vec::new() }
    }

    /// Puts another text in the place of a value.
    pub(crate) fn replace(&mut self, value: &Layout, with: String) {
        self.changes.push((value.bytes.clone(), with));
    }

    /// Adds to the end of the text.
    pub(crate) fn append(&mut self, more: &str) {
        let end = self.text.len();
        let newline = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
        self.changes.push((end..end, format!("{newline}{more}")));
    }

    /// Gives a key of a mapping a value, in the place of the one that it has. A value that begins with a line end is one
    /// in a block.
    pub(crate) fn set(&mut self, mapping: &Layout, key: &str, value: &str) -> Result<(), Unwritable> {
        let value = if value.starts_with('\n') { value.to_owned() } else { format!(" {value}") };
        if let (Some(name), Some(held)) = (mapping.key(key), mapping.get(key)) {
            let colon = self.after(name.bytes.end, ':')?;
            self.changes.push((colon..held.bytes.end.max(colon), value));
            return Ok(());
        }
        let entry = format!("{key}:{value}");
        if mapping.is_flow(self.text) {
            let (start, end) = (mapping.bytes.start + 1, mapping.bytes.end.saturating_sub(1));
            let last = mapping.entries().iter().map(|(key, value)| key.bytes.end.max(value.bytes.end)).max();
            self.changes.push(match last {
                Some(last) => (last..last, format!(", {entry}")),
                None => (start..end, entry),
            });
            return Ok(());
        }
        if mapping.entries().is_empty() {
            return Err(Unwritable("a mapping is empty"));
        }
        let at = self.line_end(mapping.bytes.end);
        let indent = " ".repeat(mapping.place.1.saturating_sub(1) as usize);
        let newline = if self.text.get(..at).is_some_and(|before| before.ends_with('\n')) { "" } else { "\n" };
        self.changes.push((at..at, format!("{newline}{indent}{entry}\n")));
        Ok(())
    }

    /// Changes the list under a key of a mapping, which need not be there.
    pub(crate) fn edit_list(&mut self, mapping: &Layout, key: &str, edit: &ListEdit) -> Result<(), Unwritable> {
        let held = mapping.get(key).filter(|list| !list.items().is_empty());
        let Some(list) = held.filter(|list| (0..list.items().len()).any(|at| !edit.removed.contains(&at))) else {
            let items: Vec<&String> = edit.front.iter().chain(&edit.back).collect();
            let flow = mapping.is_flow(self.text);
            let value = match items.is_empty() {
                true => "[]".to_owned(),
                false if flow => format!("[{}]", in_flow(items.into_iter())),
                false => {
                    let column = mapping.key(key).map_or(mapping.place.1, |key| key.place.1);
                    let indent = " ".repeat(column as usize + 1);
                    items.into_iter().map(|item| format!("\n{indent}- {item}")).collect()
                }
            };
            return self.set(mapping, key, &value);
        };
        if list.is_flow(self.text) {
            let kept = list.items().iter().enumerate().filter(|(at, _)| !edit.removed.contains(at));
            let kept: Vec<String> = kept.map(|(_, item)| self.own(item)).collect();
            let all = edit.front.iter().chain(&kept).chain(&edit.back);
            self.replace(list, format!("[{}]", in_flow(all)));
            return Ok(());
        }
        self.edit_block(list, edit)
    }

    fn edit_block(&mut self, list: &Layout, edit: &ListEdit) -> Result<(), Unwritable> {
        let (Some(first), Some(last)) = (list.items().first(), list.items().last()) else { return Ok(()) };
        let (first_line, indent) = self.line_of_item(first)?;
        let lines = |items: &[String]| -> String { items.iter().map(|item| format!("{indent}- {item}\n")).collect() };
        if !edit.front.is_empty() {
            self.changes.push((first_line..first_line, lines(&edit.front)));
        }
        for &at in &edit.removed {
            let item = list.items().get(at).ok_or(Unwritable("an item is not there"))?;
            let (start, _) = self.line_of_item(item)?;
            self.changes.push((start..self.line_end(item.bytes.end), String::new()));
        }
        if !edit.back.is_empty() {
            let at = self.line_end(last.bytes.end);
            let newline = if self.text.get(..at).is_some_and(|before| before.ends_with('\n')) { "" } else { "\n" };
            self.changes.push((at..at, format!("{newline}{}", lines(&edit.back))));
        }
        Ok(())
    }

    /// The text as it is to be.
    pub(crate) fn finish(mut self) -> Result<String, Unwritable> {
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut out, mut at) = (String::with_capacity(self.text.len()), 0);
        for (range, with) in &self.changes {
            let kept = self.text.get(at..range.start).ok_or(Unwritable("two changes touch each other"))?;
            out.push_str(kept);
            out.push_str(with);
            at = range.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Ok(out)
    }

    fn own(&self, value: &Layout) -> String {
        self.text.get(value.bytes.clone()).unwrap_or_default().to_owned()
    }

    /// The position behind the next `wanted`, with nothing but blanks before it.
    fn after(&self, from: usize, wanted: char) -> Result<usize, Unwritable> {
        let rest = self.text.get(from..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        // A key in quotes ends behind them.
        match rest.get(blank..).is_some_and(|rest| rest.starts_with(wanted)) {
            true => Ok(from + blank + wanted.len_utf8()),
            false => Err(Unwritable("a key is not followed by its colon")),
        }
    }

    /// The beginning of the line of an item's dash, and what stands before the dash.
    fn line_of_item(&self, item: &Layout) -> Result<(usize, String), Unwritable> {
        const ODD: Unwritable = Unwritable("a list item does not begin a line");
        let before = self.text.get(..item.bytes.start).ok_or(ODD)?.trim_end();
        let dash = before.strip_suffix('-').ok_or(ODD)?;
        let start = dash.rfind('\n').map_or(0, |at| at + 1);
        let indent = dash.get(start..).unwrap_or_default();
        if !indent.trim().is_empty() {
            return Err(ODD);
        }
        Ok((start, indent.to_owned()))
    }

    /// The position behind the end of a line.
    fn line_end(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |at| from + at + 1)
    }
}

/// Items as they stand in brackets.
fn in_flow<'i>(items: impl Iterator<Item = &'i String>) -> String {
    let braced = items.map(|item| {
        let open = item.starts_with(['{', '[', '"', '\'']) || !item.contains(": ");
        if open { item.clone() } else { format!("{{{item}}}") }
    });
    braced.collect::<Vec<_>>().join(", ")
}

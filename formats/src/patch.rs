//! Patches: edits of a design's rules, written into the texts that it was read from.
//!
//! A text is changed where the edit is and nowhere else: comments, order and spelling of everything else stay. Whoever
//! shows a patch should read the new texts again and verify what they say; here nothing is promised but that the texts
//! were written to say it. Edits that no small change of a text says are left, each with the reason.
//!
//! ```
//! use seglab_formats::{File, lab, patch::patch};
//! use seglab_policy::{Design, Edit};
//! let text = "seglab: 1\nunits: [{name: a}, {name: b}]\npolicy:\n  - allow: {from: a, to: b}\n  - allow: {from: b, to: a}\n";
//! let file = lab::parse(&File { path: "seglab.yaml".into(), text: text.into() }).unwrap();
//! let design = Design::new(lab::merge(&file, Vec::new()).unwrap().draft).unwrap();
//! let (first, _) = design.rules().next().unwrap();
//! let patch = patch(&design, &[("seglab.yaml".to_owned(), text.to_owned())].into(), &[Edit::Remove(first)]);
//! assert!(patch.left.is_empty());
//! assert_eq!(patch.texts["seglab.yaml"], text.replace("  - allow: {from: a, to: b}\n", ""));
//! ```

mod splice;

pub(crate) use splice::{ListEdit, Splices};

use crate::yaml::Layout;
use crate::{kubernetes, lab};
use seglab_policy::{Design, Edit, Span};
use std::collections::BTreeMap;

/// Texts with edits in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The texts that change, by their paths, as they are to be.
    pub texts: BTreeMap<String, String>,
    /// Edits that are in no text, by their positions, each with the reason.
    pub left: Vec<(usize, Left)>,
}

/// Why an edit is in no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Left {
    /// The rule, or the tier, is written in none of the texts.
    #[error("it is not known where that is written")]
    NotWritten,
    /// The object is of a kind that is not edited.
    #[error("objects of kind `{0}` are not edited as texts")]
    Kind(String),
    /// The format has no words for it.
    #[error("{0}")]
    NoWords(String),
    /// The text is laid out in a way that is not edited: aliases, or several values on a line of a block.
    #[error("the text around it is not edited: {0}")]
    Layout(String),
}

/// A text that is about to change.
pub(crate) struct Page<'t> {
    pub(crate) path: &'t str,
    pub(crate) text: &'t str,
    pub(crate) documents: Vec<Layout>,
}

impl Page<'_> {
    /// The list item that begins at a place, and what it is inside of.
    pub(crate) fn item(&self, span: Span) -> Option<Vec<&Layout>> {
        self.documents.iter().find_map(|document| document.path_to_item((span.line, span.column)))
    }

    /// True for a lab file.
    pub(crate) fn is_lab(&self) -> bool {
        self.documents.first().is_some_and(|document| document.get("seglab").is_some())
    }
}

/// Writes edits into the texts of a design, which stand under the paths of its sources.
pub fn patch(design: &Design, texts: &BTreeMap<String, String>, edits: &[Edit]) -> Patch {
    let pages: Vec<Page<'_>> = design
        .sources()
        .iter()
        .filter_map(|source| {
            let (path, text) = texts.get_key_value(&source.path)?;
            Some(Page { path, text, documents: Layout::documents(text)? })
        })
        .collect();
    let mut patch = Patch::default();
    let mut of_lab: Vec<(usize, &Edit)> = Vec::new();
    let mut of_kubernetes: Vec<(usize, &Edit)> = Vec::new();
    for (position, edit) in edits.iter().enumerate() {
        if kubernetes::patch::is_about(design, edit) {
            of_kubernetes.push((position, edit));
        } else {
            of_lab.push((position, edit));
        }
    }
    patch.write(lab::patch::Writer::new(design, &pages), &of_lab);
    patch.write(kubernetes::patch::Writer::new(design, &pages), &of_kubernetes);
    patch.left.sort_by_key(|(position, _)| *position);
    patch
}

impl Patch {
    /// Adds what one format makes of its edits. A page that cannot be finished leaves all that it should have held.
    fn write(&mut self, mut writer: impl Writes, edits: &[(usize, &Edit)]) {
        let mut of_pages: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for &(position, edit) in edits {
            match writer.edit(edit) {
                Ok(path) => of_pages.entry(path).or_default().push(position),
                Err(why) => self.left.push((position, why)),
            }
        }
        for (path, positions) in of_pages {
            match writer.finish(&path) {
                Ok(text) => {
                    self.texts.insert(path, text);
                }
                Err(why) => self.left.extend(positions.into_iter().map(|position| (position, why.clone()))),
            }
        }
    }
}

/// A format's way of writing edits into its pages: first each edit is noted, then each page is written.
pub(crate) trait Writes {
    /// Notes what an edit changes; the path of the page.
    fn edit(&mut self, edit: &Edit) -> Result<String, Left>;

    /// The text of a page with all that was noted for it.
    fn finish(&mut self, path: &str) -> Result<String, Left>;
}

/// The page that a place is on.
pub(crate) fn page_of<'p, 't>(design: &Design, pages: &'p [Page<'t>], span: Option<Span>) -> Option<&'p Page<'t>> {
    let source = design.source(span?.source)?;
    pages.iter().find(|page| page.path == source.path)
}

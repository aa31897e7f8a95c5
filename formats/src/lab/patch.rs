//! Edits of rules, written into lab files.

use super::NATIVE_RULEBOOK;
use super::write::{rule as rule_text, scalar, services_value, text};
use crate::patch::{Left, ListEdit, Page, Splices, Writes, page_of};
use crate::yaml::Layout;
use seglab_policy::{
    Design, Direction, Edit, Order, Peer, RESERVED_WORDS, Restriction, Rule, RuleId, Selector, TierId,
};
use std::collections::BTreeMap;

/// Writes edits into the lab files among the pages.
pub(crate) struct Writer<'w, 't> {
    design: &'w Design,
    pages: &'w [Page<'t>],
    /// What becomes of lists, by page and by where the mapping begins that holds them under a key.
    lists: BTreeMap<(String, usize, String), (&'w Layout, ListEdit)>,
    splices: BTreeMap<String, Splices<'t>>,
}

impl Writes for Writer<'_, '_> {
    fn edit(&mut self, edit: &Edit) -> Result<String, Left> {
        match edit {
            Edit::Remove(id) => self.remove(*id),
            Edit::Narrow { rule, to } => self.narrow(*rule, to),
            Edit::Add { tier, rule, last } => self.add(*tier, rule, *last),
            Edit::Isolate { tier, direction, units } => self.isolate(*tier, *direction, units),
        }
    }

    fn finish(&mut self, path: &str) -> Result<String, Left> {
        let mut splices = self.splices.remove(path).ok_or(Left::NotWritten)?;
        for ((page, _, key), (mapping, edit)) in &self.lists {
            if page == path {
                splices.edit_list(mapping, key, edit)?;
            }
        }
        Ok(splices.finish()?)
    }
}

impl<'w, 't> Writer<'w, 't> {
    pub(crate) fn new(design: &'w Design, pages: &'w [Page<'t>]) -> Self {
        Self { design, pages, lists: BTreeMap::new(), splices: BTreeMap::new() }
    }

    fn splices(&mut self, page: &Page<'t>) -> &mut Splices<'t> {
        self.splices.entry(page.path.to_owned()).or_insert_with(|| Splices::new(page.text))
    }

    fn list(&mut self, page: &Page<'t>, mapping: &'w Layout, key: &str) -> &mut ListEdit {
        let at = (page.path.to_owned(), mapping.bytes.start, key.to_owned());
        self.splices(page);
        &mut self.lists.entry(at).or_insert_with(|| (mapping, ListEdit::default())).1
    }

    /// Where a rule is written: the page, and the way to it.
    fn place(&self, id: RuleId) -> Result<(&'w Page<'t>, Vec<&'w Layout>, &'w Rule), Left> {
        let (_, rule) = self.design.rule(id).ok_or(Left::NotWritten)?;
        let pages: &'w [Page<'t>] = self.pages;
        let page = page_of(self.design, pages, rule.provenance.span).filter(|page| page.is_lab());
        let page = page.ok_or(Left::NotWritten)?;
        let path = rule.provenance.span.and_then(|span| page.item(span)).ok_or(Left::NotWritten)?;
        match path.last() {
            Some(item) if item.is_whole() => Ok((page, path, rule)),
            _ => Err(Left::Layout("the rule is written with references to what stands elsewhere".to_owned())),
        }
    }

    fn remove(&mut self, id: RuleId) -> Result<String, Left> {
        let (page, path, _) = self.place(id)?;
        let [.., mapping, list, item] = path.as_slice() else { return Err(Left::NotWritten) };
        let key = mapping.entries().iter().find(|(_, value)| value.bytes == list.bytes);
        let key = key.and_then(|(key, _)| key.text()).ok_or(Left::NotWritten)?.to_owned();
        let position = list.items().iter().position(|other| other.bytes == item.bytes).ok_or(Left::NotWritten)?;
        self.list(page, mapping, &key).removed.insert(position);
        Ok(page.path.to_owned())
    }

    fn narrow(&mut self, id: RuleId, to: &[Restriction]) -> Result<String, Left> {
        let (page, path, rule) = self.place(id)?;
        let left = rule.narrowed(to).ok_or_else(|| Left::NoWords("no single rule says it".to_owned()))?;
        let item = path.last().ok_or(Left::NotWritten)?;
        let of = item.get(&rule.action.to_string()).ok_or(Left::NotWritten)?;
        let (mut from, mut to_side) = (Vec::new(), Vec::new());
        for restriction in to {
            match restriction {
                Restriction::From(peer) => from.push(peer),
                Restriction::To(peer) => to_side.push(peer),
                Restriction::Services(_) => {}
            }
        }
        let design = self.design;
        let sides = [("from", &rule.from, &left.from, from), ("to", &rule.to, &left.to, to_side)];
        let splices = self.splices(page);
        for (key, was, is, by) in sides {
            if was != is {
                let old = of.get(key).and_then(Layout::text);
                splices.set(of, key, &scalar(&side(design, old, was, is, &by)))?;
            }
        }
        if rule.services != left.services {
            let key = if of.key("services").is_some() { "services" } else { "service" };
            let many = left.services.len() > 1 && of.key(key).is_none();
            splices.set(of, if many { "services" } else { key }, &services_value(&left.services))?;
        }
        Ok(page.path.to_owned())
    }

    fn add(&mut self, id: TierId, rule: &Rule, last: bool) -> Result<String, Left> {
        let (page, mapping, key) = self.rules_of(id)?;
        let tier = self.tier(id)?;
        let ordered = matches!(tier.order, Order::FirstMatch | Order::FirstMatchUndefinedTies);
        let first = ordered && !last;
        let priorities = tier.rules.iter().map(|rule| rule.priority);
        let priority = match (ordered, first) {
            (false, _) => None,
            (true, true) => priorities.min(),
            (true, false) => priorities.max(),
        };
        let priority = priority.unwrap_or(0);
        let item = rule_text(&Rule { priority, ..rule.clone() });
        let edit = self.list(page, mapping, &key);
        if first {
            edit.front.push(item)
        } else {
            edit.back.push(item)
        }
        if tier.isolates() {
            for direction in rule.directions.iter() {
                if let Some(units) = rule.subject(direction) {
                    self.isolate(id, direction, units)?;
                }
            }
        }
        Ok(page.path.to_owned())
    }

    fn isolate(&mut self, id: TierId, direction: Direction, units: &Selector) -> Result<String, Left> {
        let held = self.tier(id)?.scope.selectors(direction).unwrap_or_default();
        let (page, mapping, _) = self.rules_of(id)?;
        let scope = mapping.get("scope").ok_or(Left::NotWritten)?;
        if !held.contains(units) {
            let key = direction.to_string();
            match scope.get(&key) {
                // One word is a list of one.
                Some(one) if one.text().is_some_and(|word| !word.is_empty()) => {
                    let both = format!("[{}, {}]", scalar(one.text().unwrap_or_default()), text(units));
                    self.splices(page).set(scope, &key, &both)?;
                }
                _ => self.list(page, scope, &key).back.push(text(units)),
            }
        }
        Ok(page.path.to_owned())
    }

    fn tier(&self, id: TierId) -> Result<&'w seglab_policy::Tier, Left> {
        let design: &'w Design = self.design;
        let book = design.rulebooks().get(id.rulebook.0 as usize);
        book.and_then(|book| book.tiers.get(id.tier as usize)).ok_or(Left::NotWritten)
    }

    /// The mapping and the key under which the rules of a tier are listed.
    fn rules_of(&self, id: TierId) -> Result<(&'w Page<'t>, &'w Layout, String), Left> {
        let tier = self.tier(id)?;
        let book = self.design.rulebooks().get(id.rulebook.0 as usize).ok_or(Left::NotWritten)?;
        let pages: &'w [Page<'t>] = self.pages;
        for page in pages.iter().filter(|page| page.is_lab()) {
            let Some(root) = page.documents.first() else { continue };
            if book.name == NATIVE_RULEBOOK && root.key(NATIVE_RULEBOOK).is_some() {
                return Ok((page, root, NATIVE_RULEBOOK.to_owned()));
            }
            let Some(policies) = root.get("policies") else { continue };
            let Some(shape) = policies.get(&book.name) else { continue };
            return match shape.get("tiers") {
                None => Ok((page, policies, book.name.clone())),
                Some(tiers) => {
                    let named = |one: &&Layout| one.get("name").and_then(Layout::text) == Some(tier.name.as_str());
                    let held = tiers.items().iter().find(named).ok_or(Left::NotWritten)?;
                    Ok((page, held, "rules".to_owned()))
                }
            };
        }
        Err(Left::NotWritten)
    }
}

/// A narrowed side of a rule, in the words that it was written in and those of what it is restricted to.
fn side(design: &Design, old: Option<&str>, was: &Peer, is: &Peer, by: &[&Peer]) -> String {
    let words: Option<Vec<String>> = by
        .iter()
        .map(|peer| match peer {
            Peer::Units(selector) => Some(words_for(design, selector)),
            _ => None,
        })
        .collect();
    let (Some(words), Peer::Units(_)) = (words, is) else { return is.to_string() };
    match (was, old) {
        (Peer::Anyone | Peer::Units(Selector::Everything), _) => words.join(" and "),
        (Peer::Units(_), Some(old)) => {
            let own = if old.contains(" or ") { format!("({old})") } else { old.to_owned() };
            format!("{own} and {}", words.join(" and "))
        }
        _ => is.to_string(),
    }
}

/// A selector in a form that `and` may stand beside, by the name of a segment where there is one.
fn words_for(design: &Design, selector: &Selector) -> String {
    let plain = |name: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        name.chars().all(word) && !RESERVED_WORDS.contains(&name) && design.unit_named(name).is_none()
    };
    let named = |wanted: &Selector| {
        design.segments().iter().find(|segment| segment.selector == *wanted && plain(&segment.name))
    };
    if let Some(segment) = named(selector) {
        return segment.name.clone();
    }
    let denied =
        design.segments().iter().find(|segment| plain(&segment.name) && *selector == segment.selector.opposite());
    match (denied, selector) {
        (Some(segment), _) => format!("not {}", segment.name),
        (None, Selector::AnyOf(parts)) if parts.len() > 1 => format!("({selector})"),
        _ => selector.to_string(),
    }
}

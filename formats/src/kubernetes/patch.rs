//! Edits of rules, written into manifests of `NetworkPolicy`.
//!
//! A rule is a peer of an entry under `ingress` or `egress`; the ports of the entry are those of all its peers. What is
//! added is a policy of its own, at the end of a file in which there are policies already.

use super::rulebook::{NAME, NETWORK_POLICY};
use crate::lab::yaml_scalar as scalar;
use crate::patch::{Left, ListEdit, Page, Splices, Writes, page_of};
use crate::yaml::Layout;
use ipnet::{Ipv4Subnets, Ipv6Subnets};
use seglab_policy::{
    AddressSet, Design, Direction, Edit, NAMESPACE_KEY, NAMESPACE_PREFIX, Peer, Restriction, Rule, RuleId, Selector,
    Service, TierId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// True if an edit is about policies of a cluster.
pub(crate) fn is_about(design: &Design, edit: &Edit) -> bool {
    let TierId { rulebook, .. } = edit.tier();
    let of_cluster = design.rulebooks().get(rulebook.0 as usize).is_some_and(|book| book.name == NAME);
    let object = edit.rule().and_then(|id| design.rule(id)?.1.provenance.object.as_deref());
    of_cluster && (edit.rule().is_none() || object.is_some())
}

/// What becomes of a rule of a policy.
enum Change<'w> {
    Gone,
    /// Another peer, other services, or both.
    Narrowed {
        rule: &'w Rule,
        peer: Option<Peer>,
        services: Option<Vec<Service>>,
    },
}

/// An entry under `ingress` or `egress`, and what becomes of its rules by the positions of their peers; one without
/// peers has a single rule, at 0.
struct Entry<'w> {
    path: String,
    spec: &'w Layout,
    entry: &'w Layout,
    position: usize,
    direction: Direction,
    namespace: String,
    changes: BTreeMap<usize, Change<'w>>,
}

/// Writes edits into the manifests among the pages.
pub(crate) struct Writer<'w, 't> {
    design: &'w Design,
    pages: &'w [Page<'t>],
    /// By page, and by where the entry begins.
    entries: BTreeMap<(String, usize), Entry<'w>>,
    /// Policies to add, by page.
    added: BTreeMap<String, Vec<String>>,
    names: usize,
}

impl Writes for Writer<'_, '_> {
    fn edit(&mut self, edit: &Edit) -> Result<String, Left> {
        match edit {
            Edit::Remove(id) => self.change(*id, None),
            Edit::Narrow { rule, to } => self.change(*rule, Some(to)),
            Edit::Add { tier, rule, .. } => {
                let directions: Vec<Direction> = rule.directions.iter().collect();
                match (directions.as_slice(), rule) {
                    (&[direction], rule) if tier.tier == NETWORK_POLICY => {
                        let subject = rule.subject(direction).ok_or_else(no_words)?;
                        self.policy(subject, direction, Some(rule))
                    }
                    _ => Err(no_words()),
                }
            }
            Edit::Isolate { tier, direction, units } if tier.tier == NETWORK_POLICY => {
                self.policy(units, *direction, None)
            }
            Edit::Isolate { .. } => Err(no_words()),
        }
    }

    fn finish(&mut self, path: &str) -> Result<String, Left> {
        let page = self.pages.iter().find(|page| page.path == path).ok_or(Left::NotWritten)?;
        let mut splices = Splices::new(page.text);
        // What becomes of the lists of entries, by where their policy's `spec` begins.
        let mut lists: BTreeMap<(usize, &str), (&Layout, ListEdit)> = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| entry.path == path) {
            let list = if entry.direction == Direction::Egress { "egress" } else { "ingress" };
            let (_, edit) =
                lists.entry((entry.spec.bytes.start, list)).or_insert_with(|| (entry.spec, ListEdit::default()));
            edit_entry(entry, &mut splices, edit)?;
        }
        for ((_, list), (spec, edit)) in &lists {
            let gone = spec.get(list).is_some_and(|list| list.items().len() == edit.removed.len());
            // Without a type an empty list of egress rules would no longer isolate.
            if gone && edit.back.is_empty() && *list == "egress" && spec.get("policyTypes").is_none() {
                splices.set(spec, "policyTypes", "[Ingress, Egress]")?;
            }
            splices.edit_list(spec, list, edit)?;
        }
        for policy in self.added.get(path).into_iter().flatten() {
            splices.append(policy);
        }
        Ok(splices.finish()?)
    }
}

impl<'w, 't> Writer<'w, 't> {
    pub(crate) fn new(design: &'w Design, pages: &'w [Page<'t>]) -> Self {
        Self { design, pages, entries: BTreeMap::new(), added: BTreeMap::new(), names: 0 }
    }

    /// Notes what becomes of a rule: it goes, or is narrowed.
    fn change(&mut self, id: RuleId, to: Option<&[Restriction]>) -> Result<String, Left> {
        let design: &'w Design = self.design;
        let (_, rule) = design.rule(id).ok_or(Left::NotWritten)?;
        let title = rule.provenance.object.as_deref().ok_or(Left::NotWritten)?;
        let (kind, name) = title.split_once(' ').ok_or(Left::NotWritten)?;
        if kind != "NetworkPolicy" {
            return Err(Left::Kind(kind.to_owned()));
        }
        let namespace = name.split_once('/').map_or("default", |(namespace, _)| namespace).to_owned();
        let direction = rule.directions.iter().next().ok_or(Left::NotWritten)?;
        let (list, side) = if direction == Direction::Egress { ("egress", "to") } else { ("ingress", "from") };
        let other = if direction == Direction::Egress { &rule.to } else { &rule.from };
        let pages: &'w [Page<'t>] = self.pages;
        let page = page_of(design, pages, rule.provenance.span).ok_or(Left::NotWritten)?;
        let path = rule.provenance.span.and_then(|span| page.item(span)).ok_or(Left::NotWritten)?;
        let (spec, held, entry, peer) = match (other, path.as_slice()) {
            (Peer::Anyone, [.., spec, held, entry]) => (*spec, *held, *entry, 0),
            (_, [.., spec, held, entry, peers, peer]) => {
                let position = peers.items().iter().position(|one| one.bytes == peer.bytes);
                let own = entry.get(side).is_some_and(|own| own.bytes == peers.bytes);
                (*spec, *held, *entry, position.filter(|_| own).ok_or(Left::NotWritten)?)
            }
            _ => return Err(Left::NotWritten),
        };
        if !entry.is_whole() || spec.get(list).is_none_or(|list| list.bytes != held.bytes) {
            return Err(Left::Layout("the rule is written with references to what stands elsewhere".to_owned()));
        }
        let position = held.items().iter().position(|one| one.bytes == entry.bytes).ok_or(Left::NotWritten)?;
        let change = match to {
            None => Change::Gone,
            Some(to) => {
                let left = rule.narrowed(to).ok_or_else(no_words)?;
                let is = if direction == Direction::Egress { left.to } else { left.from };
                let peer = (is != *other).then_some(is);
                let services = (left.services != rule.services).then_some(left.services);
                peer.iter().try_for_each(|peer| peers(peer, &namespace).map(drop))?;
                services.iter().try_for_each(|services| ports(services).map(drop))?;
                Change::Narrowed { rule, peer, services }
            }
        };
        let key = (page.path.to_owned(), entry.bytes.start);
        let noted = self.entries.entry(key).or_insert_with(|| Entry {
            path: page.path.to_owned(),
            spec,
            entry,
            position,
            direction,
            namespace,
            changes: BTreeMap::new(),
        });
        noted.changes.insert(peer, change);
        Ok(page.path.to_owned())
    }

    /// Notes a policy to add, about a subject in one direction; without a rule it denies everything there.
    fn policy(&mut self, subject: &Selector, direction: Direction, rule: Option<&Rule>) -> Result<String, Left> {
        let (namespace, pods) = subject_of(subject).ok_or_else(no_words)?;
        let (kind, list, side) = match direction {
            Direction::Egress => ("Egress", "egress", "to"),
            Direction::Ingress => ("Ingress", "ingress", "from"),
            Direction::Forward => return Err(no_words()),
        };
        let allowed = rule.map(|rule| {
            let other = if direction == Direction::Egress { &rule.to } else { &rule.from };
            entry_text(side, other, &rule.services, &namespace)
        });
        let allowed = allowed.transpose()?;
        let path = self.file_for(&namespace).ok_or(Left::NotWritten)?;
        let name = self.free_name();
        let mut text = format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {name}\n  namespace: {}\n\
             spec:\n  podSelector: {pods}\n  policyTypes: [{kind}]\n",
            scalar(&namespace)
        );
        if let Some(entry) = allowed {
            text.push_str(&format!("  {list}:\n    - {entry}\n"));
        }
        self.added.entry(path.clone()).or_default().push(text);
        Ok(path)
    }

    /// The file to add a policy to: one with policies of the namespace, else one with any, else any manifest.
    fn file_for(&self, namespace: &str) -> Option<String> {
        let json = |path: &str| path.to_ascii_lowercase().ends_with(".json");
        let manifests = || self.pages.iter().filter(|page| !page.is_lab() && !json(page.path));
        let has_policy = |page: &&Page<'_>, namespace: Option<&str>| {
            page.documents.iter().any(|document| {
                let own = document.get("metadata").and_then(|meta| meta.get("namespace")).and_then(Layout::text);
                let is_policy = document.get("kind").and_then(Layout::text) == Some("NetworkPolicy");
                is_policy && namespace.is_none_or(|wanted| own.unwrap_or("default") == wanted)
            })
        };
        let block = |page: &&Page<'_>| page.documents.last().is_some_and(|document| !document.is_flow(page.text));
        let of_namespace = manifests().find(|page| has_policy(page, Some(namespace)) && block(page));
        let any = || manifests().find(|page| has_policy(page, None) && block(page));
        of_namespace.or_else(any).or_else(|| manifests().find(block)).map(|page| page.path.to_owned())
    }

    fn free_name(&mut self) -> String {
        loop {
            self.names += 1;
            let name = format!("repair-{}", self.names);
            if !self.pages.iter().any(|page| page.text.contains(&name)) {
                return name;
            }
        }
    }
}

/// Writes the changes of an entry's rules; those of its list are noted.
fn edit_entry(entry: &Entry<'_>, splices: &mut Splices<'_>, list: &mut ListEdit) -> Result<(), Left> {
    let side = if entry.direction == Direction::Egress { "to" } else { "from" };
    let all = entry.entry.get(side).map_or(0, |peers| peers.items().len()).max(1);
    let gone = entry.changes.values().filter(|change| matches!(change, Change::Gone)).count();
    if gone == all {
        list.removed.insert(entry.position);
        return Ok(());
    }
    let alone = all == 1;
    let mut of_peers = ListEdit::default();
    for (&position, change) in &entry.changes {
        let Change::Narrowed { rule, peer, services } = change else {
            of_peers.removed.insert(position);
            continue;
        };
        let held = if entry.direction == Direction::Egress { &rule.to } else { &rule.from };
        if let Some(services) = services.as_ref().filter(|_| !alone) {
            // The other peers keep their ports, so that this one moves to an entry of its own.
            of_peers.removed.insert(position);
            list.back.push(entry_text(side, peer.as_ref().unwrap_or(held), services, &entry.namespace)?);
            continue;
        }
        if let Some(services) = services {
            splices.set(entry.entry, "ports", &format!("[{}]", ports(services)?.join(", ")))?;
        }
        let Some(peer) = peer else { continue };
        let texts = peers(peer, &entry.namespace)?;
        match entry.entry.get(side).and_then(|peers| peers.items().get(position)) {
            None => splices.set(entry.entry, side, &format!("[{}]", texts.join(", ")))?,
            Some(item) => {
                let mut texts = texts.into_iter();
                splices.replace(item, texts.next().unwrap_or_default());
                of_peers.back.extend(texts);
            }
        }
    }
    if of_peers.removed.len() == all {
        // All of the peers have moved to entries of their own.
        list.removed.insert(entry.position);
        return Ok(());
    }
    if !of_peers.removed.is_empty() || !of_peers.back.is_empty() {
        splices.edit_list(entry.entry, side, &of_peers)?;
    }
    Ok(())
}

fn no_words() -> Left {
    Left::NoWords("a NetworkPolicy has no words for it".to_owned())
}

/// An entry under `ingress` or `egress`.
fn entry_text(side: &str, peer: &Peer, services: &[Service], namespace: &str) -> Result<String, Left> {
    let mut fields = Vec::new();
    if *peer != Peer::Anyone {
        fields.push(format!("{side}: [{}]", peers(peer, namespace)?.join(", ")));
    }
    if !services.contains(&Service::Any) {
        fields.push(format!("ports: [{}]", ports(services)?.join(", ")));
    }
    Ok(format!("{{{}}}", fields.join(", ")))
}

/// The peers that say what one peer of the model does.
fn peers(peer: &Peer, namespace: &str) -> Result<Vec<String>, Left> {
    match peer {
        Peer::Units(selector) => {
            let mut atoms = Vec::new();
            conjunction(selector, &mut atoms).ok_or_else(no_words)?;
            let (of_namespaces, of_pods): (Vec<&Selector>, Vec<&Selector>) =
                atoms.into_iter().partition(|atom| key_of(atom).is_some_and(|key| key.starts_with(NAMESPACE_PREFIX)));
            let own = |atom: &&Selector| **atom == Selector::label(NAMESPACE_KEY, namespace);
            let everywhere = |atom: &&Selector| **atom == Selector::Exists(NAMESPACE_KEY.to_owned());
            let pods = label_selector(&of_pods);
            let namespaces: Vec<&Selector> = of_namespaces.iter().copied().filter(|atom| !everywhere(atom)).collect();
            if of_namespaces.is_empty() || namespaces.iter().any(own) && namespaces.len() == 1 {
                return Ok(vec![format!("{{podSelector: {pods}}}")]);
            }
            let namespaces = format!("namespaceSelector: {}", label_selector(&namespaces));
            Ok(vec![match of_pods.is_empty() {
                true => format!("{{{namespaces}}}"),
                false => format!("{{{namespaces}, podSelector: {pods}}}"),
            }])
        }
        Peer::Addresses { set, .. } if !set.is_empty() => {
            Ok(blocks(set).into_iter().map(|block| format!("{{ipBlock: {{cidr: {}}}}}", scalar(&block))).collect())
        }
        Peer::Addresses { .. } | Peer::Anyone | Peer::Unmodelled(_) => Err(no_words()),
    }
}

/// The fewest blocks that make up a set of addresses.
fn blocks(set: &AddressSet) -> Vec<String> {
    let mut blocks = Vec::new();
    for range in set.ranges() {
        match range {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                blocks.extend(Ipv4Subnets::new(first, last, 0).map(|block| block.to_string()));
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                blocks.extend(Ipv6Subnets::new(first, last, 0).map(|block| block.to_string()));
            }
            _ => {}
        }
    }
    blocks
}

/// Adds the questions of a selector that asks them all at once; `None` for any other.
fn conjunction<'s>(selector: &'s Selector, atoms: &mut Vec<&'s Selector>) -> Option<()> {
    match selector {
        Selector::Everything => Some(()),
        Selector::All(parts) => parts.iter().try_for_each(|part| conjunction(part, atoms)),
        Selector::Named(_) | Selector::AnyOf(_) | Selector::Not(_) => None,
        atom => {
            if !atoms.contains(&atom) {
                atoms.push(atom);
            }
            Some(())
        }
    }
}

fn key_of(atom: &Selector) -> Option<&str> {
    super::selector::key(atom)
}

/// Questions about labels, as a label selector.
fn label_selector(atoms: &[&Selector]) -> String {
    let (mut labels, mut expressions) = (Vec::new(), Vec::new());
    let mut keys = BTreeSet::new();
    for atom in atoms {
        let key = key_of(atom).unwrap_or_default();
        let key = scalar(key.strip_prefix(NAMESPACE_PREFIX).unwrap_or(key));
        let list = |values: &[String]| values.iter().map(|value| scalar(value)).collect::<Vec<_>>().join(", ");
        let expression = |operator: &str, values: Option<&[String]>| {
            let values = values.map_or_else(String::new, |values| format!(", values: [{}]", list(values)));
            format!("{{key: {key}, operator: {operator}{values}}}")
        };
        match atom {
            Selector::In { values, .. } if values.len() == 1 && keys.insert(key.clone()) => {
                labels.push(format!("{key}: {}", list(values)));
            }
            Selector::In { values, .. } => expressions.push(expression("In", Some(values))),
            Selector::NotIn { values, .. } => expressions.push(expression("NotIn", Some(values))),
            Selector::Exists(_) => expressions.push(expression("Exists", None)),
            _ => expressions.push(expression("DoesNotExist", None)),
        }
    }
    let mut fields = Vec::new();
    if !labels.is_empty() {
        fields.push(format!("matchLabels: {{{}}}", labels.join(", ")));
    }
    if !expressions.is_empty() {
        fields.push(format!("matchExpressions: [{}]", expressions.join(", ")));
    }
    format!("{{{}}}", fields.join(", "))
}

/// The namespace of a policy's subject, and its label selector; `None` if that is not the pods of one namespace by their
/// labels.
fn subject_of(selector: &Selector) -> Option<(String, String)> {
    let mut atoms = Vec::new();
    conjunction(selector, &mut atoms)?;
    let (of_namespaces, of_pods): (Vec<&Selector>, Vec<&Selector>) =
        atoms.into_iter().partition(|atom| key_of(atom).is_some_and(|key| key.starts_with(NAMESPACE_PREFIX)));
    match of_namespaces.as_slice() {
        [Selector::In { key, values }] if key == NAMESPACE_KEY => {
            let [namespace] = values.as_slice() else { return None };
            Some((namespace.clone(), label_selector(&of_pods)))
        }
        _ => None,
    }
}

/// Services as ports.
fn ports(services: &[Service]) -> Result<Vec<String>, Left> {
    let mut ports = Vec::new();
    for service in services {
        match service {
            Service::Ports { protocol, ports: set, source_ports } if source_ports.is_full() => {
                let protocol = protocol.to_string().to_uppercase();
                if set.is_full() {
                    ports.push(format!("{{protocol: {protocol}}}"));
                    continue;
                }
                ports.extend(set.ranges().iter().map(|(first, last)| match first == last {
                    true => format!("{{port: {first}, protocol: {protocol}}}"),
                    false => format!("{{port: {first}, endPort: {last}, protocol: {protocol}}}"),
                }));
            }
            Service::NamedPort { protocol: Some(protocol), name } => {
                let protocol = protocol.to_string().to_uppercase();
                ports.push(format!("{{port: {}, protocol: {protocol}}}", scalar(name)));
            }
            _ => return Err(no_words()),
        }
    }
    Ok(ports)
}

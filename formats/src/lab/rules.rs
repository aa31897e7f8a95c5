//! Rules, tiers and rulebooks.

use super::NATIVE_RULEBOOK;
use super::at::{At, Entries, ListOr, Text};
use super::document::{MatchDoc, RuleDoc, RulebookDoc, ScopeDoc, TierDoc};
use super::reader::Reader;
use seglab_policy::{Action, Directions, Order, Rule, Rulebook, Scope, Selector, Service, Tier};

impl Reader<'_> {
    /// The rulebooks of a file: its native one, then those by name.
    pub(super) fn rulebooks(
        &mut self,
        policy: Option<&At<Vec<At<RuleDoc>>>>,
        policies: &Entries<At<ListOr<At<RuleDoc>, RulebookDoc>>>,
    ) -> Vec<Rulebook> {
        let mut books = Vec::new();
        if let Some(rules) = policy {
            books.push(self.native(NATIVE_RULEBOOK, &rules.value));
        }
        for (name, shape) in &policies.0 {
            match &shape.value {
                ListOr::List(rules) => books.push(self.native(&name.value, rules)),
                ListOr::More(book) => books.extend(self.rulebook(&name.value, book)),
            }
        }
        books
    }

    /// One tier in which deny overrides allow, and after it everything is denied.
    fn native(&mut self, name: &str, rules: &[At<RuleDoc>]) -> Rulebook {
        let tier = Tier {
            name: name.to_owned(),
            order: Order::DenyOverrides,
            scope: Scope::Everything,
            otherwise: Action::Pass,
            rules: self.rules(rules),
        };
        Rulebook { name: name.to_owned(), tiers: vec![tier], default_allow: false, stateful: true }
    }

    fn rulebook(&mut self, name: &str, doc: &RulebookDoc) -> Option<Rulebook> {
        let default = match &doc.default {
            Some(text) => self.action(text, &[Action::Allow, Action::Deny])?,
            None => Action::Deny,
        };
        let mut seen: Vec<&str> = Vec::new();
        for tier in &doc.tiers {
            if seen.contains(&tier.value.name.as_str()) {
                let message = format!("two tiers of `{name}` are called `{}`", tier.value.name);
                self.notes.error("duplicate-name", tier, message, "rename one of them");
            }
            seen.push(&tier.value.name);
        }
        Some(Rulebook {
            name: name.to_owned(),
            tiers: doc.tiers.iter().filter_map(|tier| self.tier(tier)).collect(),
            default_allow: default == Action::Allow,
            stateful: doc.stateful.unwrap_or(true),
        })
    }

    fn tier(&mut self, doc: &At<TierDoc>) -> Option<Tier> {
        let doc = &doc.value;
        let orders = [Order::DenyOverrides, Order::FirstMatch, Order::FirstMatchUndefinedTies, Order::AllowUnion];
        let order = match &doc.order {
            Some(text) => {
                self.one_of(text, "an order of evaluation", &orders.map(|order| (order.to_string(), order)))?
            }
            None => Order::DenyOverrides,
        };
        let otherwise = match &doc.otherwise {
            Some(text) => self.action(text, &[Action::Pass, Action::Deny, Action::Allow])?,
            None => Action::Pass,
        };
        let scope = match &doc.scope {
            Some(scope) => self.scope(scope)?,
            None => Scope::Everything,
        };
        Some(Tier { name: doc.name.clone(), order, scope, otherwise, rules: self.rules(&doc.rules) })
    }

    fn scope(&mut self, doc: &ScopeDoc) -> Option<Scope> {
        let mut selectors = |texts: Option<&super::at::Texts>| -> Option<Vec<Selector>> {
            let given: Vec<&Text> = texts.iter().flat_map(|texts| texts.iter()).collect();
            given.into_iter().map(|text| self.selector(text)).collect()
        };
        let (egress, ingress) = (selectors(doc.egress.as_ref()), selectors(doc.ingress.as_ref()));
        Some(Scope::Units { egress: egress?, ingress: ingress? })
    }

    fn action(&mut self, text: &Text, known: &[Action]) -> Option<Action> {
        let known: Vec<(String, Action)> = known.iter().map(|action| (action.to_string(), *action)).collect();
        self.one_of(text, "an action that stands here", &known)
    }

    pub(super) fn rules(&mut self, docs: &[At<RuleDoc>]) -> Vec<Rule> {
        docs.iter().filter_map(|doc| self.rule(doc)).collect()
    }

    fn rule(&mut self, doc: &At<RuleDoc>) -> Option<Rule> {
        let given = &doc.value;
        let (action, of) = match (&given.allow, &given.deny, &given.pass) {
            (Some(of), None, None) => (Action::Allow, of),
            (None, Some(of), None) => (Action::Deny, of),
            (None, None, Some(of)) => (Action::Pass, of),
            _ => {
                let help = "write each rule as `- allow: {...}`, `- deny: {...}` or `- pass: {...}`";
                self.notes.error("invalid-value", doc, "a rule has exactly one of `allow`, `deny` and `pass`", help);
                return None;
            }
        };
        let directions = self.directions(given.at.as_ref(), Directions::ALL);
        let (from, to) = (self.peer(&of.from), self.peer(&of.to));
        let services = self.services(of.service.as_ref(), of.services.as_ref());
        let mut provenance = self.provenance(doc, [&of.reason, &of.owner, &of.ticket]);
        provenance.object = of.object.clone();
        let rule = Rule {
            directions: directions?,
            from: from?,
            to: to?,
            services: services?,
            action,
            priority: given.priority.unwrap_or(0),
            provenance,
        };
        self.check_named_ports(&rule, of);
        Some(rule)
    }

    /// A port that no destination declares by name is a rule that matches nothing: worst where it was to deny.
    fn check_named_ports(&mut self, rule: &Rule, of: &MatchDoc) {
        let Some(place) = of.services.as_ref().or(of.service.as_ref()).map(super::at::Texts::place) else { return };
        for service in &rule.services {
            let Service::NamedPort { name, .. } = service else { continue };
            if self.has_named_port(&rule.to, name) {
                continue;
            }
            let what = match rule.action {
                Action::Deny => "the rule denies nothing there",
                Action::Allow | Action::Pass => "the rule matches nothing there",
            };
            let message = format!("no destination listens on a port called `{name}`: {what}");
            let help =
                "name the port where a unit listens: `listens: [{port: tcp/8080, name: http}]`, or use its number";
            self.notes.warning("unknown-port-name", &place, message, help);
        }
    }
}

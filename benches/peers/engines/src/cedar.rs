//! Cedar, by the crate `cedar-policy`: units are entities whose parents are the groups that rules speak of, as role-based
//! policies are written; a rule is a `permit` or `forbid` of a principal in one group and a resource in another, `when` the
//! context's protocol and port are the service's. Its meaning is ours: a `forbid` wins, and what nothing permits is denied.

use crate::subject::{Subject, Traffic, traffic};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use std::collections::HashSet;
use std::str::FromStr;

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).expect("a name"), EntityId::new(id))
}

fn condition(one: &Traffic) -> Option<String> {
    let protocol = format!("context.protocol == \"{}\"", one.protocol?);
    let range = |&(first, last): &(u16, u16)| match first == last {
        true => format!("context.port == {first}"),
        false => format!("(context.port >= {first} && context.port <= {last})"),
    };
    let ranges: Vec<String> = one.ranges.iter().map(range).collect();
    Some(if ranges.is_empty() { protocol } else { format!("{protocol} && ({})", ranges.join(" || ")) })
}

impl Cedar {
    pub(crate) fn new(subject: &Subject) -> Self {
        let mut text = String::new();
        for (denies, rule) in subject.rules_denials_first() {
            let services = traffic(rule);
            if services.is_empty() {
                continue;
            }
            let conditions: Option<Vec<String>> = services.iter().map(condition).collect();
            let when = conditions.map_or_else(String::new, |all| format!(" when {{ {} }}", all.join(" || ")));
            let effect = if denies { "forbid" } else { "permit" };
            let [from, to] = [&rule.from, &rule.to].map(|peer| uid("Group", subject.group(peer)));
            text +=
                &format!("{effect} (principal in {from}, action == Action::\"connect\", resource in {to}){when};\n");
        }
        let policies = PolicySet::from_str(&text).expect("policies");
        let groups = subject.groups().map(|name| Entity::new_no_attrs(uid("Group", name), HashSet::new()));
        let units = subject.members().map(|(unit, groups)| {
            Entity::new_no_attrs(uid("Unit", &unit.name), groups.iter().map(|name| uid("Group", name)).collect())
        });
        let entities = Entities::from_entities(groups.chain(units), None).expect("entities");
        let requests = subject.asked().map(|(from, to, protocol, port)| {
            let context = Context::from_pairs([
                ("protocol".to_owned(), RestrictedExpression::new_string(protocol)),
                ("port".to_owned(), RestrictedExpression::new_long(port.into())),
            ]);
            let ends = [from, to].map(|unit| uid("Unit", &unit.name));
            let [from, to] = ends;
            Request::new(from, uid("Action", "connect"), to, context.expect("a context"), None).expect("a request")
        });
        let requests = requests.collect();
        Self { authorizer: Authorizer::new(), policies, entities, requests }
    }
}

impl crate::Peer for Cedar {
    fn allows(&mut self, at: usize) -> bool {
        let response = self.authorizer.is_authorized(&self.requests[at], &self.policies, &self.entities);
        debug_assert!(response.diagnostics().errors().next().is_none());
        response.decision() == Decision::Allow
    }
}

//! Rego, by the crate `regorus`, on its register machine, which is its fastest way: three rules of policy over data that
//! are indexed as guides to fast Rego advise. Units list the groups that rules speak of, and what is allowed and denied is
//! looked up by the group of the source, then by that of the destination.

use crate::subject::{Subject, traffic};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};
use std::collections::BTreeMap;

const POLICY: &str = r#"package seglab

default allow := false

allow if {
    permitted
    not denied
}

permitted if {
    some from in data.groups[input.source]
    targets := data.permit[from]
    some to in data.groups[input.destination]
    some service in targets[to]
    fits(service)
}

denied if {
    some from in data.groups[input.source]
    targets := data.forbid[from]
    some to in data.groups[input.destination]
    some service in targets[to]
    fits(service)
}

fits(service) if service.protocol == "any"

fits(service) if {
    service.protocol == input.protocol
    input.port >= service.first
    input.port <= service.last
}
"#;

pub(crate) struct Rego {
    machine: RegoVM,
    inputs: Vec<Value>,
}

fn object<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from(pairs.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<BTreeMap<_, _>>())
}

impl Rego {
    pub(crate) fn new(subject: &Subject) -> Self {
        // By effect, source and destination.
        let mut rules: [BTreeMap<&str, BTreeMap<&str, Vec<Value>>>; 2] = Default::default();
        for (denies, rule) in subject.rules_denials_first() {
            for one in traffic(rule) {
                let [from, to] = [&rule.from, &rule.to].map(|peer| subject.group(peer));
                let services = rules[usize::from(denies)].entry(from).or_default().entry(to).or_default();
                let everything = vec![(0, u16::MAX)];
                for (first, last) in if one.ranges.is_empty() { everything } else { one.ranges } {
                    services.push(object([
                        ("protocol", Value::from(one.protocol.unwrap_or("any"))),
                        ("first", Value::from(u64::from(first))),
                        ("last", Value::from(u64::from(last))),
                    ]));
                }
            }
        }
        let [permit, forbid] = rules.map(|by_source| {
            let by_target = |targets: BTreeMap<&str, Vec<Value>>| {
                object(targets.into_iter().map(|(to, services)| (to, Value::from(services))))
            };
            object(by_source.into_iter().map(|(from, targets)| (from, by_target(targets))))
        });
        let list =
            |groups: &[String]| Value::from(groups.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>());
        let groups = object(subject.members().map(|(unit, groups)| (unit.name.as_str(), list(groups))));
        let data = object([("groups", groups), ("permit", permit), ("forbid", forbid)]);
        let mut engine = Engine::new();
        engine.add_policy("seglab.rego".to_owned(), POLICY.to_owned()).expect("a policy");
        let entry: Rc<str> = "data.seglab.allow".into();
        let compiled = engine.compile_with_entrypoint(&entry).expect("a policy");
        let program = Compiler::compile_from_policy(&compiled, &[entry.as_ref()]).expect("a program");
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_data(data).expect("data beside the rules");
        let inputs = subject.asked().map(|(from, to, protocol, port)| {
            object([
                ("source", Value::from(from.name.as_str())),
                ("destination", Value::from(to.name.as_str())),
                ("protocol", Value::from(protocol.as_str())),
                ("port", Value::from(u64::from(port))),
            ])
        });
        let inputs = inputs.collect();
        Self { machine, inputs }
    }
}

impl crate::Peer for Rego {
    fn allows(&mut self, at: usize) -> bool {
        self.machine.set_input(self.inputs[at].clone());
        self.machine.execute().expect("an answer") == Value::from(true)
    }
}

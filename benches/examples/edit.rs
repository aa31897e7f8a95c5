#![allow(missing_docs, clippy::disallowed_types, clippy::print_stdout, clippy::expect_used)]
use seglab_benches::{Size, company};
use seglab_policy::*;
use std::collections::*;
fn main() {
    let design = company(Size { units: 40000, rules: 10000 });
    let labels: BTreeSet<_> = design.units().iter().map(|u| (&u.labels, &u.owner)).collect();
    println!("label sets {} of {}", labels.len(), design.units().len());
    let mut known: BTreeMap<&Selector, usize> = BTreeMap::new();
    let mut sizes: Vec<(usize, String)> = vec![];
    for (_, r) in design.rules() {
        let mut n = [0usize; 2];
        for (p, n) in [&r.from, &r.to].into_iter().zip(&mut n) {
            *n = match p { Peer::Units(s) => *known.entry(s).or_insert_with(|| design.select(s).count()), Peer::Anyone => 40000, _ => 1 };
        }
        sizes.push((n[0] * n[1], format!("{} -> {} {:?}", r.from, r.to, r.services.len())));
    }
    sizes.sort();
    for q in [10, 50, 90, 95, 97, 98, 99, 100] { let at = (sizes.len() * q / 100).saturating_sub(1); println!("{q}% {:?}", sizes[at]); }
    println!("distinct selectors {}", known.len());
    for s in sizes.iter().rev().take(12) { println!("{s:?}"); }
    let addr = design.rules().filter(|(_, r)| matches!(r.from, Peer::Addresses{..}) || matches!(r.to, Peer::Addresses{..})).count();
    println!("address rules {addr}; books {} points {} ", design.rulebooks().len(), design.points().len());
    for p in design.points() { println!("{:?} {:?} {:?} {:?} exempts {}", p.name, p.kind, p.mode, p.placement, p.exempts_host); }
    println!("{:?}", design.units()[100]);
}

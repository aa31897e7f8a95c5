//! What is known of random graphs: how many nodes hang together with one of them.

use super::*;

const NODES: usize = 5;
const LINKS: f64 = 0.5;

/// Nodes that are owned, whatever links are.
fn nodes(replica: &Replica) -> f64 {
    replica.critical.iter().filter(|settled| settled.fate == Fate::Event).count() as f64
}

/// Links are there by another chance, times a factor.
fn links(draft: &mut Draft, factor: f64) {
    draft.tradecraft.exploits.iter_mut().filter(|one| one.vulnerability == "there").for_each(|one| {
        one.present_probability *= factor;
    });
}

fn random_graph() -> Case {
    Case {
        off: links,
        // Twenty steps on average, of which no node is more than eight away.
        horizon: Duration::from_secs(20_000),
        ..Case::of("random-graph.yaml", nodes, |factor| {
            let sizes = sizes(NODES, LINKS * factor);
            let moment =
                |power: fn(f64) -> f64| (1..).zip(&sizes).map(|(size, chance)| power(f64::from(size)) * chance).sum();
            let (mean, square): (f64, f64) = (moment(|size| size), moment(|size| size * size));
            Moments { mean, variance: square - mean * mean }
        })
    }
}

/// The chance of every size of a node's component in G(n, p), from 1 on (E. N. Gilbert, "Random graphs", Annals of Mathematical
/// Statistics 30, 1959): it is k if the k - 1 others are chosen, all k hang together, and no link leads out of them. What hangs
/// together is what has no smaller component. It is the final size of the Reed-Frost epidemic, too, of which a link is a contact.
fn sizes(nodes: usize, p: f64) -> Vec<f64> {
    let apart = |links: usize| power(1.0 - p, links as u32);
    let mut together = vec![1.0; nodes + 1];
    for k in 2..=nodes {
        let smaller: f64 = (1..k).map(|j| binomial(k - 1, j - 1) * together[j] * apart(j * (k - j))).sum();
        together[k] = 1.0 - smaller;
    }
    (1..=nodes).map(|k| binomial(nodes - 1, k - 1) * together[k] * apart(k * (nodes - k))).collect()
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).map(|at| (n - at) as f64 / (k - at) as f64).product()
}

#[test]
fn an_attack_on_a_random_graph_takes_one_component() {
    check_against(&random_graph(), 0.02);
}

/// The recursion against all graphs on four nodes, one by one.
#[test]
fn the_recursion_counts_graphs() {
    let (nodes, p): (usize, f64) = (4, 0.3);
    let pairs: Vec<(usize, usize)> = (0..nodes).flat_map(|i| (i + 1..nodes).map(move |j| (i, j))).collect();
    let mut counted = vec![0.0; nodes];
    for graph in 0..1u32 << pairs.len() {
        let there: Vec<_> =
            pairs.iter().enumerate().filter(|(at, _)| graph >> at & 1 == 1).map(|(_, pair)| pair).collect();
        let mut component = 1u32;
        for _ in 0..nodes {
            for &&(i, j) in &there {
                if component >> i & 1 == 1 || component >> j & 1 == 1 {
                    component |= 1 << i | 1 << j;
                }
            }
        }
        let missing = pairs.len() - there.len();
        counted[component.count_ones() as usize - 1] += power(p, there.len() as u32) * power(1.0 - p, missing as u32);
    }
    for (counted, known) in counted.iter().zip(sizes(nodes, p)) {
        assert!((counted - known).abs() < 1e-12, "{counted} {known}");
    }
}

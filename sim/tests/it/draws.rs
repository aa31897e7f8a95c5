//! Draws: the right distributions, at the right addresses.

use proptest::prelude::*;
use seglab_sim::kernel::{Branch, Delay, Draw, Draws, Duration, Lognormal, Name, Probability, Purpose, Technique};

const PURPOSE: Purpose = Purpose::new(1);
const TECHNIQUE: Technique = Technique::new(1);

/// An address, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    seed: u64,
    replica: u32,
    clone: Option<u32>,
    source: u8,
    target: u8,
    purpose: u16,
    technique: u16,
    attempt: u32,
}

impl Address {
    fn draw(self) -> Draw {
        let draws = Draws::new(self.seed, self.replica);
        let draws = self.clone.map_or(draws, |clone| draws.in_branch(Branch::ROOT.of_clone(clone)));
        let name = |number: u8| Name::new(&format!("unit-{number}"));
        let (purpose, technique) = (Purpose::new(self.purpose), Technique::new(self.technique));
        draws.at(purpose, name(self.source), name(self.target), technique, self.attempt)
    }
}

fn address() -> impl Strategy<Value = Address> {
    // Small numbers, as models use them, so that addresses differ in few bits and are often equal in most fields.
    let fields = (0u64..4, 0u32..4, prop::option::of(0u32..3), 0u8..4, 0u8..4, 0u16..4, 0u16..4, 0u32..4);
    fields.prop_map(|(seed, replica, clone, source, target, purpose, technique, attempt)| Address {
        seed,
        replica,
        clone,
        source,
        target,
        purpose,
        technique,
        attempt,
    })
}

proptest! {
    /// Equal addresses give equal words and different ones do not: with 64 bits, not even once in all these cases.
    #[test]
    fn a_draw_is_its_address(one in address(), other in address()) {
        prop_assert_eq!(one == other, one.draw().word() == other.draw().word());
    }

    #[test]
    fn the_order_of_asking_is_of_no_account(
        addresses in prop::collection::vec(address(), 1..40).prop_shuffle(),
        order in any::<prop::sample::Index>(),
    ) {
        let in_order: Vec<u64> = addresses.iter().map(|address| address.draw().word()).collect();
        let start = order.index(addresses.len());
        for step in 0..addresses.len() {
            let index = (start + step) % addresses.len();
            prop_assert_eq!(addresses[index].draw().word(), in_order[index]);
        }
    }

    /// A model draws for each pair of its units. One more unit, anywhere in the list, changes none of those draws.
    #[test]
    fn one_more_unit_changes_no_draw(units in prop::collection::btree_set("[a-f]{1,3}", 1..8), more in "[g-k]{1,3}", place in any::<prop::sample::Index>()) {
        let draw_all = |units: &[String]| {
            let draws = Draws::new(7, 3);
            let names = Name::all_distinct(units.iter().map(String::as_str)).unwrap();
            let pairs = units.iter().zip(&names).flat_map(|one| units.iter().zip(&names).map(move |two| (one, two)));
            pairs
                .map(|((one, source), (two, target))| {
                    let value = draws.at(PURPOSE, *source, *target, TECHNIQUE, 0).uniform();
                    ((one.clone(), two.clone()), value.to_bits())
                })
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        let units: Vec<String> = units.into_iter().collect();
        let mut extended = units.clone();
        extended.insert(place.index(units.len() + 1), more);
        let (before, after) = (draw_all(&units), draw_all(&extended));
        prop_assert!(after.len() > before.len());
        for (pair, value) in before {
            prop_assert_eq!(after.get(&pair), Some(&value));
        }
    }

    /// Inversion is monotone: under the same draw, what is likelier happens too, and what takes longer is later.
    #[test]
    fn larger_parameters_give_larger_values(address in address(), p in 0.0..1.0f64, q in 0.0..1.0f64, mean in 0u64..1_000_000, more in 0u64..1_000_000) {
        let (low, high) = (Probability::new(p.min(q)).unwrap(), Probability::new(p.max(q)).unwrap());
        prop_assert!(address.draw().bernoulli(low) <= address.draw().bernoulli(high));
        let (short, long) = (Duration::from_nanos(mean), Duration::from_nanos(mean + more));
        prop_assert!(address.draw().exponential(short) <= address.draw().exponential(long));
        let lognormal = |median| Delay::Lognormal(Lognormal::new(median, 1.0).unwrap()).sample(&mut address.draw());
        prop_assert!(lognormal(short) <= lognormal(long));
    }
}

/// Pearson's statistic of counts that should be equal, as a standard normal deviate (Wilson and Hilferty, 1931).
fn chi_square_deviate(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let degrees = (counts.len() - 1) as f64;
    let spread = 2.0 / (9.0 * degrees);
    ((statistic / degrees).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Along each field of the address alone, draws fill 64 cells evenly, and so do neighbours in pairs.
#[test]
fn uniform_along_every_field_of_the_address() {
    type Walk = fn(Draws, Name, u32) -> Draw;
    let walks: [(&str, Walk); 7] = [
        ("attempt", |draws, name, i| draws.at(PURPOSE, name, name, TECHNIQUE, i)),
        ("replica", |draws, name, i| Draws::new(draws.seed(), i).at(PURPOSE, name, name, TECHNIQUE, 0)),
        ("seed", |_, name, i| Draws::new(u64::from(i), 0).at(PURPOSE, name, name, TECHNIQUE, 0)),
        ("purpose", |draws, name, i| draws.at(Purpose::new(i as u16), name, name, TECHNIQUE, i >> 16)),
        ("technique", |draws, name, i| draws.at(PURPOSE, name, name, Technique::new(i as u16), i >> 16)),
        ("source", |draws, name, i| draws.at(PURPOSE, Name::new(&format!("unit-{i}")), name, TECHNIQUE, 0)),
        ("branch", |draws, name, i| draws.in_branch(Branch::ROOT.of_clone(i)).at(PURPOSE, name, name, TECHNIQUE, 0)),
    ];
    for (field, walk) in walks {
        let mut cells = vec![0u64; 64];
        let mut pairs = vec![0u64; 64];
        let mut before = 0;
        for i in 0..100_000 {
            let cell = (walk(Draws::new(99, 0), Name::new("web"), i).uniform() * 64.0) as usize;
            cells[cell] += 1;
            pairs[cell / 8 * 8 + before / 8] += 1;
            before = cell;
        }
        for (what, counts) in [("cells", &cells), ("pairs", &pairs)] {
            let deviate = chi_square_deviate(counts);
            // Fourteen tests of a fixed seed: beyond 5 is a defect, and so is a fit that is too good.
            assert!(deviate.abs() < 5.0, "{field}, {what}: {deviate}");
        }
    }
}

/// Turning values back into the uniform numbers they stand for must give uniform numbers.
#[test]
fn every_distribution_is_the_one_it_says() {
    let scale = Duration::from_secs(10);
    let ten = scale.as_nanos() as f64;
    let lognormal = Lognormal::new(scale, 0.7).unwrap();
    let uniform = Delay::Uniform { shortest: scale, longest: scale.saturating_mul(3) };
    type Distribution<'a> = Box<dyn Fn(f64) -> f64 + 'a>;
    let cases: [(Delay, Distribution<'_>); 3] = [
        (Delay::Exponential { mean: scale }, Box::new(|ns| 1.0 - libm::exp(-ns / ten))),
        (uniform, Box::new(|ns| (ns / ten - 1.0) / 2.0)),
        (
            Delay::Lognormal(lognormal),
            Box::new(|ns| 0.5 * libm::erfc(-libm::log(ns / ten) / 0.7 / std::f64::consts::SQRT_2)),
        ),
    ];
    for (delay, distribution) in cases {
        let mut cells = vec![0u64; 64];
        let mut sum = 0.0;
        for i in 0..200_000 {
            let mut draw = Draws::new(5, 0).at(PURPOSE, Name::NONE, Name::NONE, TECHNIQUE, i);
            let ns = delay.sample(&mut draw).as_nanos() as f64;
            sum += ns;
            cells[((distribution(ns) * 64.0) as usize).min(63)] += 1;
        }
        assert!(chi_square_deviate(&cells).abs() < 5.0, "{delay:?}: {cells:?}");
        let mean = delay.mean().as_nanos() as f64;
        assert!((sum / 200_000.0 / mean - 1.0).abs() < 0.015, "{delay:?}: mean {} against {mean}", sum / 2e5);
    }
    let constant = Delay::from(scale);
    let mut draw = Draws::new(5, 0).at(PURPOSE, Name::NONE, Name::NONE, TECHNIQUE, 0);
    assert_eq!((constant.sample(&mut draw), constant.mean()), (scale, scale));
}

#[test]
fn coins_and_dice_are_fair() {
    let third = Probability::new(1.0 / 3.0).unwrap();
    let mut heads = 0u32;
    let mut faces = vec![0u64; 7];
    for i in 0..90_000 {
        let draw = || Draws::new(8, 0).at(PURPOSE, Name::NONE, Name::NONE, TECHNIQUE, i);
        heads += u32::from(draw().bernoulli(third));
        faces[draw().choose(7).unwrap()] += 1;
        assert!(draw().bernoulli(Probability::ONE) && !draw().bernoulli(Probability::ZERO));
    }
    // 30,000 expected, with a standard deviation of 141.
    assert!((f64::from(heads) - 30_000.0).abs() < 5.0 * 141.5, "{heads}");
    assert!(chi_square_deviate(&faces).abs() < 5.0, "{faces:?}");
}

/// The test above can fail: a generator that is a little uneven is found out.
#[test]
fn the_chi_square_bound_finds_an_uneven_generator() {
    let mut cells = vec![0u64; 64];
    for i in 0..100_000u32 {
        let draw = Draws::new(99, 0).at(PURPOSE, Name::NONE, Name::NONE, TECHNIQUE, i).uniform();
        // One twentieth heavier towards the top.
        cells[(libm::pow(draw, 0.95) * 64.0) as usize] += 1;
    }
    assert!(chi_square_deviate(&cells) > 5.0);
}

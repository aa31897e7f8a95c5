//! Units that move: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::{AddressSet, Design, MoveTimes, Place, Selector};

const TEXT: &str = "\
seglab: 1
units:
  - {name: web, addresses: [10.0.0.1]}
  - {name: db, addresses: [10.0.0.2]}
  - {name: pair, addresses: [10.0.0.3, 10.0.0.4]}
policy: []
moves:
  - {units: web, every: 7d, to: [{addresses: 10.1.0.0/24, site: east}, {addresses: 10.2.0.0/24, zone: west}, {host: pair}]}
  - {units: db, at: [2h, 1d], to: [{addresses: 10.3.0.1-10.3.0.9}]}
";

const HOUR: u64 = 3_600_000_000_000;

#[test]
fn what_is_written_is_read() {
    let draft = read(TEXT).unwrap().draft;
    let [web, db] = draft.movements.as_slice() else { panic!("{:?}", draft.movements) };
    assert_eq!(web.times, MoveTimes::Every(7 * 24 * HOUR));
    assert_eq!(web.to[0].addresses, Some(AddressSet::from_net("10.1.0.0/24".parse().unwrap())));
    assert_eq!((&web.to[2].addresses, &web.to[2].hosts), (&None, &Some(Selector::Named("pair".to_owned()))));
    assert_eq!(web.to[0].place, Place { site: Some("east".to_owned()), ..Place::default() });
    assert_eq!(web.to[1].place, Place { zone: Some("west".to_owned()), ..Place::default() });
    assert_eq!(db.times, MoveTimes::At(vec![2 * HOUR, 24 * HOUR]));
    assert_eq!(db.to[0].place, Place::default());
    assert!(draft.assumptions.iter().any(|assumption| assumption.id == "units-stay"));
}

#[test]
fn what_is_read_is_written() {
    let design = Design::new(read(TEXT).unwrap().draft).unwrap();
    let bare = |movements: &[seglab_policy::Movement]| {
        let mut movements = movements.to_vec();
        movements.iter_mut().for_each(|movement| movement.provenance = Default::default());
        movements
    };
    assert_eq!(bare(&read(&lab::write(&design)).unwrap().draft.movements), bare(design.movements()));
}

#[test]
fn moves_that_cannot_be_are_refused() {
    for (good, bad, said) in [
        ("units: web", "units: pair", "`pair` has not just one address, known and its own"),
        ("every: 7d", "every: 0s", "units move all the time"),
        ("every: 7d", "every: 7d, at: [1h]", "units move either `every` so often or `at` some times"),
        ("{host: pair}", "{site: north}", "it is not said where units move"),
        ("{host: pair}", "{host: none}", "the host `none` selects no unit"),
        ("[{addresses: 10.3.0.1-10.3.0.9}]", "[]", "there is nowhere to move"),
    ] {
        let rejected = read(&TEXT.replace(good, bad)).unwrap_err();
        let error = rejected.errors().next().unwrap();
        assert_eq!(error.message, said);
        assert!(error.span.is_some() && error.help.is_some(), "{said}");
    }
}

//! Z3's verdict on a connection is that of the reference evaluator.

use proptest::prelude::*;
use seglab_policy::arbitrary::{Answer, assume, case, connection, design};
use seglab_policy::{Assume, Connection, Design, Endpoint, Header, UnitId};
use seglab_verify::smt::{Encoding, GaveUp, Outcome, SmtVerdict};

/// The verdict in the form in which judges are compared.
fn answer(verdict: SmtVerdict) -> Answer {
    match verdict {
        SmtVerdict::Decided(Outcome::Allowed(reply)) => Answer::Allowed(reply),
        SmtVerdict::Decided(Outcome::Denied) => Answer::Denied,
        SmtVerdict::Decided(Outcome::Unknown) => Answer::Unknown,
        SmtVerdict::GaveUp(reason) => panic!("Z3 gave up: {reason}"),
    }
}

fn expected(design: &Design, connection: &Connection, assume: Assume) -> Answer {
    design.evaluate(connection, assume).verdict.into()
}

proptest! {
    #[test]
    fn agrees_with_the_reference_evaluator_on_chosen_cases(case in case()) {
        let verdict = Encoding::new(&case.design, case.assume).connection(&case.connection);
        prop_assert_eq!(answer(verdict), case.answer());
    }

    #[test]
    fn agrees_with_the_reference_evaluator_on_many_connections_of_a_design(
        (design, connections, assume) in design().prop_flat_map(|design| {
            let connections = prop::collection::vec(connection(&design), 6);
            (Just(design), connections, assume())
        })
    ) {
        let verdicts = Encoding::new(&design, assume).connections(&connections);
        for (connection, verdict) in connections.iter().zip(verdicts) {
            prop_assert_eq!(answer(verdict), expected(&design, connection, assume), "{:?}", connection);
        }
    }
}

#[test]
fn a_connection_that_the_design_cannot_have_is_no_pass() {
    let design = seglab_policy::arbitrary::design_of(1);
    let encoding = Encoding::new(&design, Assume::business());
    let unit = Endpoint::Unit { unit: UnitId(0), interface: 0 };
    let nowhere = Endpoint::Unit { unit: UnitId(0), interface: 99 };
    let tcp_by_number = Connection { source: unit, destination: unit, header: Header::Other(6) };
    let from_nowhere = Connection { source: nowhere, destination: unit, header: Header::Other(50) };
    for connection in [tcp_by_number, from_nowhere] {
        assert_eq!(encoding.connection(&connection), SmtVerdict::GaveUp(GaveUp::NotAConnection));
    }
}

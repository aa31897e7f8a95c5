//! What campaigns say, as Markdown: attacks, traffic, what enforcing takes, and the numbers that they rest on.

use super::{Page, ROWS, code, escape};
use crate::enforcement::{ASSUMED, CHECKED, agents_cells, appliance_cells, check_cells, given_words};
use crate::model::{DesignDifference, Report, Sensitivity, Simulation, Traffic};
use crate::sensitivity::{flips, mean, rows};
use crate::traffic::{ALL_SERVED, hours, lost_words, need_cells, service_cells};
use crate::words;

impl Page {
    pub(super) fn simulations(&mut self, of: &[Simulation]) {
        self.heading(2, "Simulation");
        let header =
            ["attacker", "design", "pivot, trust", "replicas", "owned at the end", "detected", "attempts denied"];
        self.table(
            header,
            of.iter().map(|one| {
                [
                    escape(&one.attacker),
                    escape(&one.design),
                    escape(&format!("{}, {}", one.pivot, one.trust)),
                    words::number(one.replicas),
                    format!("{} (median)", words::owned_at_end(one)),
                    words::detected(one),
                    words::percent(one.denied_share),
                ]
            }),
        );
        let remarks = of.iter().flat_map(|one| words::remarks(one).map(|remark| format!("{}: {remark}", one.design)));
        let remarks: Vec<String> = remarks.map(|remark| escape(&remark)).collect();
        if !remarks.is_empty() {
            self.line("");
            self.list(remarks.into_iter(), "");
        }
        let rows: Vec<[String; 7]> = of
            .iter()
            .flat_map(|one| one.critical.iter().map(move |unit| (one, unit)))
            .map(|(one, unit)| {
                let [owned, quarantined, half, leaves] = words::critical_cells(unit, &one.times_ns);
                let [attacker, design, name] = [&one.attacker, &one.design, &unit.unit].map(|cell| escape(cell));
                [attacker, design, name, owned, quarantined, half, leaves]
            })
            .collect();
        if !rows.is_empty() {
            self.line("\nCritical units, with 95% intervals; quarantine is a competing risk:\n");
            let header = [
                "attacker",
                "design",
                "unit",
                "owned",
                "quarantine first",
                "owned in half of replicas after",
                "its data leaves",
            ];
            self.table(header, rows.into_iter());
        }
        self.checks(of);
    }

    fn checks(&mut self, of: &[Simulation]) {
        let rows: Vec<[String; 6]> = of
            .iter()
            .flat_map(|one| one.checks.iter().map(move |check| (one, check_cells(check))))
            .map(|(one, [name, observed, simulated, ratio])| {
                [&one.attacker, &one.design, &name, &simulated, &observed, &ratio].map(|cell| escape(cell))
            })
            .collect();
        if !rows.is_empty() {
            self.line(&format!("\nOutcomes beside observed ones: {CHECKED}:\n"));
            self.table(["attacker", "design", "check", "simulated", "observed", "ratio"], rows.into_iter());
        }
    }

    pub(super) fn enforcement(&mut self, report: &Report) {
        if report.enforcement.is_empty() {
            return;
        }
        self.heading(2, "What enforcing takes");
        self.line(&format!("{ASSUMED}.\n"));
        let loads = || report.enforcement.iter();
        let agents = loads().filter_map(|one| Some((&one.design, one.load.agents.as_ref()?)));
        let agents: Vec<[String; 5]> = agents
            .flat_map(|(design, agents)| {
                agents_cells(agents)
                    .map(|[what, rate, cpu, memory]| [&what, design, &rate, &cpu, &memory].map(|cell| escape(cell)))
            })
            .collect();
        if !agents.is_empty() {
            self.table(["agents", "design", "connections/s", "cores", "memory"], agents.into_iter());
        }
        let appliances: Vec<[String; 8]> = loads()
            .flat_map(|one| one.load.appliances.iter().map(move |appliance| (&one.design, appliance_cells(appliance))))
            .map(|(design, [point, rate, busy, table, refused, p50, p99])| {
                [&point, design, &rate, &busy, &table, &refused, &p50, &p99].map(|cell| escape(cell))
            })
            .collect();
        if !appliances.is_empty() {
            let header = ["appliance", "design", "connections/s", "busy", "table", "refused", "p50", "p99"];
            self.line("");
            self.table(header, appliances.into_iter());
        }
        let given: Vec<String> = loads().flat_map(|one| &one.load.given).map(|one| escape(&given_words(one))).collect();
        if !given.is_empty() {
            self.line("\nThe designs say themselves:\n");
            self.list(given.into_iter(), "");
        }
    }

    pub(super) fn calibration(&mut self, report: &Report) {
        if report.calibration.is_empty() {
            return;
        }
        self.heading(2, "Calibration");
        let rows = report.calibration.iter().map(|one| {
            [code(&one.name), escape(&one.value), escape(&one.role), escape(&one.source), escape(&one.date)]
        });
        self.table(["name", "value", "role", "source", "date"], rows);
    }

    /// What became of the business' traffic, design by design.
    pub(super) fn traffic(&mut self, of: &[Traffic]) {
        self.heading(2, "Traffic");
        let lost =
            of.iter().flat_map(|one| lost_words(one).into_iter().map(move |line| format!("{}: {line}", one.design)));
        let lost: Vec<String> = lost.map(|line| escape(&line)).collect();
        let goes_without_saying = of.iter().all(|one| one.services.is_empty() && one.remarkable().next().is_none());
        if !lost.is_empty() || goes_without_saying {
            self.list(lost.into_iter(), ALL_SERVED);
        }
        let requests: Vec<[String; 7]> = of
            .iter()
            .flat_map(|one| one.remarkable().map(move |need| (one, need_cells(need))))
            .map(|(one, [name, tried, served, why, p50, p99])| {
                [&name, &one.design, &tried, &served, &p50, &p99, &why].map(|cell| escape(cell))
            })
            .collect();
        if !requests.is_empty() {
            let header = ["need", "design", "requests", "served", "served within, p50", "p99", "not served"];
            self.line("");
            self.table(header, requests.iter().take(ROWS).cloned());
            self.cut(requests.len());
        }
        let services: Vec<[String; 8]> = of
            .iter()
            .flat_map(|one| one.services.iter().map(move |service| (one, service_cells(service))))
            .map(|(one, [name, units, servers, load, busy, waiting, refused])| {
                [&name, &one.design, &units, &servers, &load, &busy, &waiting, &refused].map(|cell| escape(cell))
            })
            .collect();
        if !services.is_empty() {
            let header = ["service", "design", "units", "servers", "load by rates", "occupied", "waiting", "refused"];
            self.line("");
            self.table(header, services.into_iter());
        }
        let late = of.iter().filter_map(|one| Some((&one.design, one.delays?)));
        let late: Vec<[String; 3]> =
            late.map(|(design, of)| [escape(design), hours(of.held_up_ns), hours(of.outlived_ns)]).collect();
        if !late.is_empty() {
            self.line("");
            self.table(["design", "releases held up", "rules in force that no need is left for"], late.into_iter());
        }
    }

    /// Every other design against the first.
    pub(super) fn differences(&mut self, of: &[DesignDifference]) {
        for one in of {
            let (first, second) = (escape(&one.first), escape(&one.second));
            self.line(&format!("\n{second} against {first}, replica by replica under the same chance events:\n"));
            let rows = one.measures.iter().map(|measure| {
                let (value, interval) = (measure.estimate.value, measure.estimate.interval);
                [
                    escape(&measure.what),
                    format!("{value:+.2} {}", escape(&measure.unit)),
                    format!("{:+.2} to {:+.2}", interval.low, interval.high),
                ]
            });
            self.table(["in simulation", "mean difference", "95% interval"], rows);
        }
    }

    /// What results hang on: the same attack under one change after the other.
    pub(super) fn sensitivity(&mut self, of: &Sensitivity) {
        self.heading(2, "What this hangs on");
        let sentence = flips(of);
        if !sentence.is_empty() {
            self.line(&format!("{}\n", escape(&sentence)));
        }
        let rows = rows(of).flat_map(|(change, designs)| designs.iter().map(move |design| (change.clone(), design)));
        let rows = rows.map(|(change, design)| {
            let flips = if design.flips { "flips" } else { "" };
            [escape(&change), escape(&design.design), mean(design), format!("{:.2}", design.ratio), flips.to_owned()]
        });
        let header =
            ["change", "design", "mean units owned (95% interval)", "share of the first design's", "against the first"];
        self.table(header, rows);
    }
}

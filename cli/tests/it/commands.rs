//! Each command on a small design, in each of its formats.

use crate::designs::{PODS, UNMODELLED, site, site_text};
use crate::program::{Run, body, bytes, folder, listing, seglab, write};
use serde_json::Value;
use tempfile::TempDir;

fn lines(out: &str) -> Vec<&str> {
    out.lines().collect()
}

mod explain {
    use super::*;

    fn explain(at: &TempDir, from: &str, to: &str, port: &str, more: &[&str]) -> Run {
        let mut arguments = vec!["explain", ".", "--from", from, "--to", to, "--port", port];
        arguments.extend(more);
        seglab(at.path(), &arguments)
    }

    #[test]
    fn names_the_rule_that_allows() {
        let out = explain(&site(), "web", "mail-db", "tcp/5432", &[]).ends(0);
        let lines = lines(body(&out));
        assert_eq!(lines[0], "web -> mail-db tcp/5432: allowed");
        for (line, direction) in [(lines[1], "egress at web"), (lines[2], "ingress at mail-db")] {
            assert!(line.contains("seglab.yaml:43") && line.contains(direction) && line.contains("allows"), "{out}");
        }
        assert!(out.contains("\nasked: trust intact, modes as declared\n\n"), "{out}");
    }

    #[test]
    fn names_the_default_that_denies() {
        let document = explain(&site(), "web", "payroll", "tcp/443", &["--format", "json"]).json(0);
        assert_eq!(document["schema"], "seglab/explain/v1");
        assert_eq!(document["outcome"], "denied");
        let decider = &document["deciders"][0];
        assert_eq!(
            (&decider["direction"], &decider["why"]),
            (&"egress".into(), &"no tier decides: default deny".into())
        );
        assert_eq!(decider["location"]["line"], 51, "where the point is declared, for no rule decides");
    }

    #[test]
    fn names_the_nearest_rule_and_every_point_that_stops() {
        let out = explain(&site(), "web", "payroll", "tcp/443", &[]).ends(0);
        assert!(out.contains("each of 2 points stops it alone"), "{out}");
        let document = explain(&site(), "web", "mail-db", "tcp/5433", &["--format", "json"]).json(0);
        for decider in document["deciders"].as_array().unwrap() {
            let miss = &decider["near_miss"];
            assert_eq!((&miss["unlike"], &miss["location"]["line"]), (&["service"].into(), &43.into()), "{decider:#}");
        }
        let allowed = explain(&site(), "web", "mail-db", "tcp/5432", &["--format", "json"]).json(0);
        assert!(allowed["deciders"][0].get("near_miss").is_none(), "no rule of the site denies: {allowed:#}");
    }

    #[test]
    fn names_every_tier() {
        let admin = "\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: leave-it}
spec:
  priority: 5
  subject: {namespaces: {}}
  ingress:
    - {name: to-the-developers, action: Pass, from: [{namespaces: {}}]}
";
        let at = folder(&[("shop.yaml", PODS), ("admin.yaml", admin)]);
        let out = explain(&at, "shop/web", "shop/db", "tcp/22", &[]).ends(0);
        assert!(out.contains("before, tier") && out.contains("admin.yaml:"), "{out}");
        assert!(out.contains("nearest rule otherwise: shop.yaml:27:") && out.contains("(another service)"), "{out}");
    }

    /// The fewest rules that a verdict rests on, and the fewest without which it turns.
    #[test]
    fn names_the_minimal_cores() {
        let out = explain(&site(), "web", "mail-db", "tcp/5432", &[]).ends(0);
        let line = "  rests on 1 rule, whatever becomes of the others, and stops without: allow app=web -> app=mail-db";
        assert!(out.contains(line), "{out}");
        let denied = explain(&site(), "web", "payroll", "tcp/443", &["--format", "json"]).json(0);
        let cores = &denied["cores"];
        assert_eq!(cores["outcome"], "denied");
        assert_eq!(cores["enough"]["defaults"], serde_json::json!(["the default deny of policy"]));
        assert_eq!(cores["against"]["least"], true);
        let nobody = explain(&site(), "1.2.3.4", "payroll", "tcp/443", &[]).ends(0);
        assert!(nobody.contains("no path") && !nobody.contains("rests on"), "{nobody}");
    }

    /// Two policies that say the same would both have to go; each of them is enough.
    #[test]
    fn counts_every_rule_that_would_have_to_go() {
        let again = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: again, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
";
        let at = folder(&[("shop.yaml", PODS), ("again.yaml", again)]);
        let document = explain(&at, "shop/web", "shop/db", "tcp/5432", &["--format", "json"]).json(0);
        let cores = &document["cores"];
        assert_eq!(cores["enough"]["rules"].as_array().map(Vec::len), Some(1), "{cores:#}");
        assert_eq!(cores["against"]["rules"].as_array().map(Vec::len), Some(2), "{cores:#}");
    }

    #[test]
    fn knows_addresses_and_externals() {
        let at = site();
        assert!(explain(&at, "1.2.3.4", "web", "tcp/443", &[]).ends(0).contains(": allowed"));
        assert!(explain(&at, "1.2.3.4", "web", "tcp/22", &[]).ends(0).contains(": denied"));
        assert!(explain(&at, "10.0.1.5", "mail-db", "tcp/5432", &[]).ends(0).contains("web -> mail-db"));
    }

    /// A unit of Kubernetes is found by its full name, without the kind, which shells trip over, and without the namespace.
    #[test]
    fn finds_pods_and_named_ports() {
        let at = folder(&[("shop.yaml", PODS)]);
        for from in ["shop/web[Deployment]", "shop/web[Deployment]#2", "shop/web", "web"] {
            let out = explain(&at, from, "shop/db", "tcp/5432", &[]).ends(0);
            assert!(out.contains("-> shop/db[Pod] tcp/5432: allowed") && out.contains("shop.yaml:27"), "{out}");
        }
        assert!(explain(&at, "shop/db", "shop/web", "tcp/http", &[]).ends(0).contains("tcp/8080: denied"));
        let twice = folder(&[("shop.yaml", PODS), ("more.yaml", &PODS.replace("namespace: shop", "namespace: more"))]);
        assert!(explain(&twice, "web", "shop/db", "tcp/1", &[]).err.contains("`--from web` is no unit"));
        let run = explain(&at, "shop/wbe", "shop/db", "tcp/1", &[]);
        assert!(run.err.contains("`--from shop/wbe` is no unit"), "{}", run.err);
        for name in ["`shop/web[Deployment]`", "`shop/db[Pod]`"] {
            assert!(run.err.matches(name).count() < 2, "{name} is suggested twice: {}", run.err);
        }
        run.ends(2);
    }

    /// What is not modelled is neither allowed nor denied.
    #[test]
    fn undecided_is_an_exit_code_of_its_own() {
        let at = folder(&[("shop.yaml", PODS), ("cilium.yaml", UNMODELLED)]);
        let run = explain(&at, "shop/web", "shop/db", "tcp/5432", &[]);
        assert!(run.err.contains("unmodelled-kind") && run.err.contains("--> cilium.yaml:3:18"), "{}", run.err);
        assert!(run.ends(3).contains("unknown"));
    }
}

mod reach {
    use super::*;

    #[test]
    fn csv_of_the_whole_and_of_a_part() {
        let at = site();
        let csv = |more: &[&str]| {
            let run = seglab(at.path(), &[&["reach", ".", "--format", "csv"], more].concat());
            run.ends(0).lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        let all = csv(&[]);
        for row in ["web,mail-db,TCP 5432", "workstation,web,TCP 22", "workstation,payroll,TCP 443"] {
            assert!(all.iter().any(|line| line == row), "no {row} in {all:#?}");
        }
        let from = |name: &str| all.iter().filter(|row| row.starts_with(name)).cloned().collect::<Vec<_>>();
        assert_eq!(csv(&["--from", "web"]), from("web,"));
        assert_eq!(csv(&["--from", "site"]), [from("mail-db,"), from("web,")].concat());
        assert_eq!(csv(&["--from", "app=web", "--to", "app=mail-db"]), ["web,mail-db,TCP 5432"]);
        assert!(!csv(&["--from", "internet", "--to", "web"]).is_empty());
        assert_eq!(csv(&["--from", "internet", "--to", "payroll"]), Vec::<String>::new());
    }

    /// The policy view counts ports that nobody listens on, the service view does not.
    #[test]
    fn views_differ() {
        let at = folder(&[(
            "seglab.yaml",
            "seglab: 1\nunits: [{name: a}, {name: b, listens: [tcp/443]}]\npolicy: [{allow: {from: a, to: b}}]\n",
        )]);
        let rows = |view| seglab(at.path(), &["reach", ".", "--format", "csv", "--view", view]).ends(0);
        assert!(rows("policy").contains("a,b,all\n"));
        assert!(rows("service").contains("a,b,TCP 443\n"));
    }

    #[test]
    fn json_and_text_say_the_same() {
        let at = site();
        let document = seglab(at.path(), &["reach", ".", "--format", "json"]).json(0);
        assert_eq!(document["schema"], "seglab/reach/v1");
        assert_eq!((document["view"].as_str(), document["trust"].as_str()), (Some("policy"), Some("intact")));
        let entries = document["connections"].as_array().expect("a list");
        let text = seglab(at.path(), &["reach", "."]).ends(0);
        let lines: Vec<Vec<&str>> = body(&text).lines().map(|line| line.split_whitespace().collect()).collect();
        // People read the name of what machines read as ranges.
        let range = |entry: &Value, key: &str| {
            entry[key].as_str().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        };
        let of_units: Vec<_> =
            entries.iter().filter(|one| !range(one, "source") && !range(one, "destination")).collect();
        assert_eq!((of_units.len(), lines.len()), (4, 6), "{text}");
        for entry in of_units {
            let [from, to, what] = ["source", "destination", "connections"].map(|key| entry[key].as_str().unwrap());
            let wanted: Vec<&str> = [from, "->", to].into_iter().chain(what.split_whitespace()).collect();
            assert!(lines.contains(&wanted), "{entry} is not in\n{text}");
        }
        assert_eq!(lines[4], ["workstation", "->", "internet", "(IPv4)", "TCP", "443"]);
        assert_eq!(lines[5], ["internet", "(IPv4)", "->", "web", "TCP", "443"]);
    }

    /// Only exactly the internet is called so, and exactly everything outside `external`.
    #[test]
    fn sets_of_external_addresses_have_names() {
        let rows = |peer: &str| {
            let text = format!(
                "seglab: 1\nunits: [{{name: a, addresses: [8.8.8.8]}}]\npolicy:\n  - allow: {{from: {peer}, to: a, service: tcp/1}}\n"
            );
            let at = folder(&[("seglab.yaml", &text)]);
            let out = seglab(at.path(), &["reach", "."]).ends(0);
            body(&out).lines().map(|line| line.split("  ->").next().unwrap().trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rows("internet"), ["internet (IPv4)"]);
        assert_eq!(rows("external"), ["external (IPv4)"]);
        assert_eq!(rows("1.0.0.0/8"), ["1.0.0.0-1.255.255.255"]);
        let almost = rows("\"0.0.0.0/0 except 9.9.9.9\"");
        assert_eq!(almost, ["0.0.0.0-9.9.9.8", "9.9.9.10-255.255.255.255"]);
    }

    /// The blast radii that the scenario's README promises, per pivot model.
    #[test]
    fn lateral_follows_each_pivot_model() {
        let at = site();
        let units = |pivot: &str, from: &str| {
            let run = seglab(at.path(), &["reach", ".", "--lateral", pivot, "--from", from, "--format", "json"]);
            let document = run.json(0);
            assert_eq!(document["schema"], "seglab/reach-lateral/v1");
            assert_eq!(document["pivot"], pivot);
            assert_eq!(document["closures"].as_array().map(Vec::len), Some(1));
            document["closures"][0]["units"].as_u64().expect("a number")
        };
        for (name, any, exploitable) in [("web", 2, 2), ("mail-db", 1, 1), ("workstation", 4, 2)] {
            assert_eq!((units("any", name), units("exploitable", name)), (any, exploitable), "{name}");
        }
        let out = seglab(at.path(), &["reach", ".", "--lateral", "--from", "web"]).ends(0);
        assert_eq!(body(&out), "web: 2 units fall, itself included\n  mail-db\n");
        assert!(out.contains("\nasked: pivot any, policy view, trust intact\n"), "{out}");
        let out = seglab(at.path(), &["reach", ".", "--lateral", "--from", "mail-db"]).ends(0);
        assert_eq!(body(&out), "mail-db: 1 unit falls, itself included\n");
        let csv = seglab(at.path(), &["reach", ".", "--lateral", "--from", "web", "--format", "csv"]).ends(0);
        assert_eq!(csv, "source,destination,units\nweb,mail-db,1\n");
    }

    /// Replicas stand under their owner once, and what an unmodelled kind may touch is unknown.
    #[test]
    fn manifests() {
        let at = folder(&[("shop.yaml", PODS)]);
        let out = seglab(at.path(), &["reach", ".", "--format", "csv"]).ends(0);
        assert!(out.contains("shop/web[Deployment],shop/db[Pod],TCP 5432\n"), "{out}");
        assert!(!out.contains('#') && !out.contains("shop/db[Pod],shop"), "{out}");
        write(at.path(), "cilium.yaml", UNMODELLED);
        let document = seglab(at.path(), &["reach", ".", "--format", "json"]).json(3);
        let entries = document["connections"].as_array().expect("a list");
        assert!(entries.iter().any(|entry| entry["unknown"] == "all"), "{document:#}");
    }
}

mod surface {
    use super::*;

    #[test]
    fn entries_and_exits() {
        let document = seglab(site().path(), &["surface", ".", "--format", "json"]).json(0);
        assert_eq!(document["schema"], "seglab/surface/v1");
        let rows = document["surface"]["rows"].as_array().expect("a list");
        let row = |name: &str| rows.iter().find(|row| row["unit"] == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!((row("mail-db")["entries"].as_u64(), row("mail-db")["exits"].as_u64()), (Some(2), Some(0)));
        assert_ne!(row("web")["entries_external"], "");
        assert_eq!(row("payroll")["entries_external"], "");
    }

    /// A change shows the units that it changes, and only those.
    #[test]
    fn before_and_after() {
        let at = site();
        let changed = site_text().replace("to: payroll, service: tcp/443", "to: payroll, service: tcp/8443");
        write(
            at.path(),
            "other.yaml",
            &changed.replace("  - allow: {from: workstation, to: site", "  - deny: {from: workstation, to: site"),
        );
        let out = seglab(at.path(), &["surface", "other.yaml", "--against", "seglab.yaml"]).ends(0);
        assert!(out.contains("\nmail-db\n  before  entries 2"), "{out}");
        assert!(out.contains("\n  after   entries 1"), "{out}");
        assert!(!out.contains("payroll"), "{out}");
        let same = seglab(at.path(), &["surface", ".", "--against", "."]).ends(0);
        assert!(same.ends_with("\n\nno unit differs\n"), "{same}");
        let names = ["design marketing site (.) no. 1 · ", "design marketing site (.) no. 2 · "];
        assert!(names.iter().all(|name| same.contains(name)), "{same}");
    }
}

mod init {
    use super::*;

    /// The lab file that `init` writes parses, and finds what was found without it, in the same places.
    #[test]
    fn todays_violations_stay_red() {
        let named =
            "  egress:\n    - to: [{ipBlock: {cidr: 203.0.113.0/24}}]\n    - to: [{ipBlock: {cidr: 93.184.0.0/16}}]\n";
        let at = folder(&[("shop/pods.yaml", &format!("{PODS}{named}"))]);
        let before = seglab(at.path(), &["verify", "shop", "--format", "json"]).json(1);
        let out = seglab(at.path(), &["init", "shop"]).ends(0);
        assert_eq!(out, "shop/seglab.yaml: now `seglab verify shop/seglab.yaml`\n");
        for path in ["shop", "shop/seglab.yaml"] {
            let after = seglab(at.path(), &["verify", path, "--format", "json"]).json(1);
            for key in ["id", "kind", "claim", "verdict", "counterexample", "hops_max", "view", "pivot", "trust"] {
                let of = |document: &Value| {
                    let list = document["properties"].as_array().expect("a list").iter();
                    list.map(|property| property[key].clone()).collect::<Vec<_>>()
                };
                assert_eq!(of(&after), of(&before), "{key}");
            }
        }
        let text = String::from_utf8(bytes(at.path(), "shop/seglab.yaml")).unwrap();
        assert!(text.contains("ns-shop") && text.lines().filter(|line| line.trim().starts_with('#')).count() > 5);

        let again = seglab(at.path(), &["init", "shop"]);
        assert!(again.err.contains("`shop/seglab.yaml` exists already"), "{}", again.err);
        again.ends(2);
    }

    /// Beside the manifests, and elsewhere.
    #[test]
    fn elsewhere() {
        let at = folder(&[("shop/pods.yaml", PODS)]);
        for target in ["lab.yaml", "deep/er/lab.yaml", "shop/other.yaml"] {
            seglab(at.path(), &["init", "shop", "-o", target]).ends(0);
            seglab(at.path(), &["verify", target]).ends(1);
        }
    }

    /// The commented lines are lines that work when the comment sign is gone.
    #[test]
    fn comments_are_examples() {
        let at =
            folder(&[("shop/pods.yaml", &PODS.replace("app: web", "app: frontend").replace("app: db", "app: cart"))]);
        seglab(at.path(), &["init", "shop"]).ends(0);
        let text = String::from_utf8(bytes(at.path(), "shop/seglab.yaml")).unwrap();
        let segments = "segments:\n  ns-dev: namespace=shop\n  ns-prod: app=cart\n";
        const EXAMPLES: [&str; 4] = ["- ", "needs:", "attackers:", "monitor:"];
        let open = text.lines().map(|line| match line.trim_start().strip_prefix("# ") {
            Some(rest) if EXAMPLES.iter().any(|start| rest.trim_start().starts_with(start)) => {
                let indent = &line[..line.len() - line.trim_start().len()];
                format!("{indent}{rest}\n")
            }
            _ => format!("{line}\n"),
        });
        let open = open.collect::<String>().replace("segments:\n", segments);
        assert!(
            open.contains("\nneeds:\n") && open.contains("\nattackers:\n") && open.contains("\nmonitor: {"),
            "{open}"
        );
        write(at.path(), "shop/seglab.yaml", &open);
        let document = seglab(at.path(), &["verify", "shop", "--format", "json"]).json(1);
        assert_eq!(document["properties"].as_array().map(Vec::len), Some(4), "{open}");
        assert_eq!(document["needs"].as_array().map(Vec::len), Some(1), "{open}");
        seglab(at.path(), &["simulate", "shop", "--replicas", "2", "--horizon", "1h"]).ends(0);
    }
}

mod generate {
    use super::*;

    fn generate(at: &TempDir, to: &str, seed: &str, folder: &str) -> String {
        let run = seglab(
            at.path(),
            &["generate", "--units", "60", "--rules", "40", "--seed", seed, "--to", to, "-o", folder],
        );
        run.ends(0)
    }

    /// The summary says what is there: of manifests, fewer pods than units, and why.
    #[test]
    fn the_summary_counts() {
        let at = folder(&[]);
        let version = env!("CARGO_PKG_VERSION");
        let said = generate(&at, "native", "7", "a");
        assert_eq!(said, format!("seglab {version} · seed 7 · 1 file in a: 60 units, 40 rules\n"));
        let said = generate(&at, "kubernetes", "7", "b");
        assert!(said.ends_with(" in b: 59 pods; 1 unit is a node, which no manifest declares\n"), "{said}");
    }

    /// The command line and the library draw the same line, and what lies on it works.
    #[test]
    fn limits_are_those_of_the_generator() {
        let at = folder(&[]);
        let ask =
            |units: &str, rules: &str| seglab(at.path(), &["generate", "--units", units, "--rules", rules, "-o", "x"]);
        for (units, rules, said) in
            [("19", "40", "20..=1000000"), ("1000001", "40", "20..=1000000"), ("20", "39", "40..=1000000")]
        {
            let run = ask(units, rules);
            assert_eq!(run.code, Some(2));
            assert!(run.err.contains(said), "{}", run.err);
        }
        ask("20", "40").ends(0);
        let help = seglab(at.path(), &["generate", "--help"]).ends(0);
        assert!(help.contains("20 to 1,000,000") && help.contains("40 to 1,000,000"), "{help}");
        assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains("nodes that they run on"), "{help}");
    }

    #[test]
    fn one_seed_one_design() {
        for to in ["native", "kubernetes"] {
            let at = folder(&[]);
            generate(&at, to, "7", "a");
            generate(&at, to, "7", "b");
            generate(&at, to, "8", "c");
            let texts = |folder: &str| {
                let names = listing(&at.path().join(folder));
                let files = names.into_iter().filter(|name| name.ends_with(".yaml"));
                files.map(|name| (bytes(&at.path().join(folder), &name), name)).collect::<Vec<_>>()
            };
            assert!(!texts("a").is_empty());
            assert_eq!(texts("a"), texts("b"), "{to}");
            assert_ne!(texts("a"), texts("c"), "{to}");
        }
    }

    /// What is generated is a design: it has the units and rules that were asked for, and claims to settle.
    #[test]
    fn verify_reads_it() {
        let at = folder(&[]);
        generate(&at, "native", "1", "native");
        let run = seglab(at.path(), &["verify", "native", "--cross-check", "never", "--format", "json"]);
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!((document["scope"]["units"].as_u64(), document["scope"]["rules"].as_u64()), (Some(60), Some(40)));
        assert!(document["properties"].as_array().is_some_and(|list| list.len() >= 3));
        assert!(document["needs"].as_array().is_some_and(|list| !list.is_empty()));

        generate(&at, "kubernetes", "1", "manifests");
        let run = seglab(at.path(), &["verify", "manifests", "--cross-check", "never", "--format", "json"]);
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.err);
        let document: Value = serde_json::from_str(&run.out).unwrap();
        // One of the sixty is a hypervisor, and nodes are in no manifest.
        assert_eq!(document["scope"]["units"].as_u64(), Some(59));
    }
}

mod bench {
    use super::*;

    #[test]
    fn every_checked_decision_is_exact() {
        let run = seglab(site().path(), &["bench", ".", "--connections", "2000", "--format", "json"]);
        let document = run.json(0);
        assert_eq!(document["schema"], "seglab/bench/v1");
        assert_eq!(document["mismatches"], 0);
        let number = |key: &str| document[key].as_u64().unwrap_or_else(|| panic!("no {key}"));
        assert_eq!((number("connections"), number("checked")), (2000, 2000));
        assert_eq!(number("allowed") + number("denied") + number("unknown"), 2000);
        assert!(number("allowed") > 0 && number("denied") > 0);
        for ends in ["by_address", "by_unit"] {
            assert!(document["decisions_per_second"][ends]["1"].as_u64() > Some(0), "{ends}");
        }
        assert!(number("roofline_decisions_per_second") > 0 && number("build_ns") > 0 && number("memory_bytes") > 0);
        assert!(document["update_ns"]["p50"].as_u64() > Some(0), "{document}");
        assert!(document["update_ns"]["p50"].as_u64() <= document["update_ns"]["p99"].as_u64());
        assert!(document["meaning"].as_str().unwrap().contains("not what a product costs"));
        let names: Vec<&str> =
            document["traffic"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(names, ["uniform", "zipf", "rules", "hits"]);
        for one in document["traffic"].as_array().unwrap() {
            assert!(one["checked"].as_u64() > Some(0), "{one}");
        }
        let placements = document["placements"].as_array().unwrap();
        assert!(!placements.is_empty(), "{document}");
        for one in placements {
            assert!(one["checked"].as_u64() > Some(0) && one["by_unit"]["1"].as_u64() > Some(0), "{one}");
            assert!(one["rules"].as_u64() <= document["rules"].as_u64() && one["unit"].is_string(), "{one}");
        }
        assert_eq!(document["batches"][0]["packets"], 1);
        assert!(document["batches"][0]["batch_ns_p50"].as_u64() <= document["batches"][0]["batch_ns_p999"].as_u64());
        let text = seglab(site().path(), &["bench", ".", "--connections", "2000"]).ends(0);
        assert!(text.contains("2,000 decisions against the reference evaluator, 0 differ"), "{text}");
        assert!(text.contains("They are not what a product costs"), "{text}");
    }

    /// A filter has no units: what it lets through of its one kind of traffic is what was held to the evaluator.
    #[test]
    fn a_rule_set_is_a_filter() {
        let rules = "@10.0.0.0/8\t10.1.0.0/16\t0 : 65535\t443 : 443\t0x06/0xFF\t0x0000/0x0000\t\n\
                     @0.0.0.0/0\t10.2.0.0/16\t0 : 65535\t0 : 1023\t0x11/0xFF\t0x0000/0x0000\t\n\
                     @10.3.0.0/16\t0.0.0.0/0\t0 : 65535\t0 : 65535\t0x00/0x00\t0x0000/0x0000\t\n";
        let at = folder(&[("rules", rules)]);
        let document = seglab(at.path(), &["bench", "rules", "--connections", "2000", "--format", "json"]).json(0);
        let number = |key: &str| document[key].as_f64().unwrap_or_else(|| panic!("no {key}"));
        assert_eq!((number("units"), number("rules"), number("mismatches")), (0.0, 3.0, 0.0));
        let decided = number("allowed") + number("denied") + number("unknown");
        assert!(number("allowed") > 0.0 && number("denied") > 0.0, "{document}");
        assert_eq!(document["traffic"][0]["allowed"], number("allowed") / decided);
        assert!(document["update_ns"].is_null(), "{document}");
    }

    const PAIR: &str = "seglab: 1\nname: pair\nunits:\n  - {name: a, addresses: [10.0.0.1]}\n  \
                        - {name: b, addresses: [10.0.0.2], listens: [tcp/443]}\n\
                        policy:\n  - allow: {from: a, to: b, service: tcp/443}\n";

    /// Flows are told what they are told between the units that have the addresses, and bad ones with their place.
    #[test]
    fn flow_records_are_replayed() {
        let flows = "srcaddr,dstaddr,protocol,dstport\n10.0.0.1,10.0.0.2,6,443\n10.0.0.2,10.0.0.1,6,443\n\
                     10.0.0.1,10.0.0.2,17,443\n9.9.9.9,10.0.0.2,6,443\n";
        let at = folder(&[("seglab.yaml", PAIR), ("flows.csv", flows), ("bad.csv", "src,dst,proto\n10.0.0.1,b,6\n")]);
        let arguments = ["bench", "seglab.yaml", "--connections", "500", "--flows", "flows.csv"];
        let document = seglab(at.path(), &[&arguments[..], &["--format", "json"]].concat()).json(0);
        let replayed = &document["traffic"][4];
        assert_eq!(replayed["name"], "flows");
        assert_eq!((replayed["allowed"].as_f64(), replayed["checked"].as_u64()), (Some(0.25), Some(4)));
        assert!(seglab(at.path(), &arguments).ends(0).contains("flows, by address"));
        let bad = seglab(at.path(), &["bench", "seglab.yaml", "--flows", "bad.csv"]);
        assert_eq!(bad.code, Some(2));
        assert!(bad.err.contains("`b` is not an address") && bad.err.contains("bad.csv:2:10"), "{}", bad.err);
        let missing = seglab(at.path(), &["bench", "seglab.yaml", "--flows", "nowhere.csv"]);
        assert_eq!(missing.code, Some(2));
        assert!(missing.err.contains("cannot read `nowhere.csv`"), "{}", missing.err);
    }

    #[test]
    fn fewer_rules_are_measured_too() {
        let rules: String =
            (1..=25).map(|port| format!("  - allow: {{from: a, to: b, service: tcp/{port}}}\n")).collect();
        let at = folder(&[("seglab.yaml", &format!("{PAIR}{rules}"))]);
        let document = seglab(at.path(), &["bench", "seglab.yaml", "--connections", "500", "--format", "json"]).json(0);
        let sizes = document["by_rules"].as_array().unwrap();
        assert_eq!(sizes.iter().map(|one| one["rules"].as_u64().unwrap()).collect::<Vec<_>>(), [10]);
        assert!(sizes[0]["checked"].as_u64() > Some(0) && sizes[0]["build_ns"].as_u64() > Some(0), "{document}");
        // What concerns a unit are all of them here.
        assert_eq!(document["placements"][0]["rules"], 26, "{document}");
    }

    #[test]
    fn rates_are_drawn() {
        let at = site();
        seglab(at.path(), &["bench", ".", "--connections", "2000", "--plot", "rates.svg"]).ends(0);
        let drawn = String::from_utf8(crate::program::bytes(at.path(), "rates.svg")).unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.contains("uniform, by address"), "{drawn}");
    }
}

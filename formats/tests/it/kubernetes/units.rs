//! What workloads come to: units, their replicas, labels and ports.

use super::data::{design, file, reading};
use seglab_policy::{Address, Design, Endpoint, ExternalSourceId, Family, Header, Transport};

fn workload(api: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: w, namespace: shop}}\nspec: {spec}\n---\n")
}

fn names(design: &Design) -> Vec<&str> {
    design.units().iter().map(|unit| unit.name.as_str()).collect()
}

#[test]
fn every_kind_of_workload_has_as_many_units_as_it_has_replicas() {
    let template = "template: {metadata: {labels: {app: w}}, spec: {containers: [{name: c}]}}";
    let cases = [
        ("v1", "Pod", "{containers: [{name: c}]}".to_owned(), 1),
        ("v1", "ReplicationController", format!("{{replicas: 3, {template}}}"), 3),
        ("apps/v1", "Deployment", format!("{{{template}}}"), 1),
        ("apps/v1", "Deployment", format!("{{replicas: 4, {template}}}"), 4),
        ("extensions/v1beta1", "Deployment", format!("{{replicas: 2, {template}}}"), 2),
        ("apps/v1", "ReplicaSet", format!("{{replicas: 2, {template}}}"), 2),
        ("apps/v1", "StatefulSet", format!("{{replicas: 1000, {template}}}"), 1000),
        ("apps/v1", "StatefulSet", format!("{{replicas: 5000, {template}}}"), 1000),
        ("apps/v1", "Deployment", format!("{{replicas: 0, {template}}}"), 0),
        ("apps/v1", "DaemonSet", format!("{{{template}}}"), 2),
        ("batch/v1", "Job", format!("{{{template}}}"), 1),
        ("batch/v1", "Job", format!("{{parallelism: 3, {template}}}"), 3),
        ("batch/v1", "CronJob", format!("{{schedule: '* * * * *', jobTemplate: {{spec: {{{template}}}}}}}"), 2),
        ("batch/v1", "CronJob", format!("{{concurrencyPolicy: Forbid, jobTemplate: {{spec: {{{template}}}}}}}"), 1),
    ];
    for (api, kind, spec, count) in cases {
        let design = design(&file(&workload(api, kind, &spec)));
        assert_eq!(design.units().len(), count, "{kind} {spec}");
        let owner = format!("shop/w[{kind}]");
        assert!(design.units().iter().all(|unit| unit.display_name() == owner), "{kind}");
        let labelled = |unit: &seglab_policy::Unit| unit.labels.get("app").map(String::as_str) == Some("w");
        assert!(kind == "Pod" || design.units().iter().all(labelled), "{kind}");
    }
}

#[test]
fn an_autoscaler_makes_the_count_a_lower_bound() {
    let template = "{replicas: 1, template: {}}";
    let scaler = |least: &str| {
        format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h, namespace: shop}}\n\
             spec: {{scaleTargetRef: {{kind: Deployment, name: w}}{least}}}\n"
        )
    };
    for (least, count) in [("", 2), (", minReplicas: 1", 2), (", minReplicas: 5", 5)] {
        let text = workload("apps/v1", "Deployment", template) + &scaler(least);
        assert_eq!(design(&file(&text)).units().len(), count, "{least}");
    }
}

#[test]
fn what_another_workload_of_the_input_controls_is_represented_by_it() {
    let pod = |name: &str, owner: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, ownerReferences: [{owner}]}}\n\
             spec: {{containers: []}}\n---\n"
        )
    };
    let set = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: w-1, namespace: shop, ownerReferences: [{kind: \
               Deployment, name: w, controller: true}]}\nspec: {replicas: 2, template: {}}\n---\n";
    let pods = pod("w-1-a", "{kind: ReplicaSet, name: w-1}") + &pod("w-1-b", "{kind: ReplicaSet, name: w-1}");
    let deployment = workload("apps/v1", "Deployment", "{replicas: 2, template: {}}");

    assert_eq!(names(&design(&file(&pods))), ["shop/w-1[ReplicaSet]#1", "shop/w-1[ReplicaSet]#2"]);
    assert_eq!(names(&design(&file(&format!("{pods}{set}")))), ["shop/w-1[ReplicaSet]#1", "shop/w-1[ReplicaSet]#2"]);
    let all = design(&file(&format!("{pods}{set}{deployment}")));
    assert_eq!(names(&all), ["shop/w[Deployment]#1", "shop/w[Deployment]#2"]);
    let single = pod("w-1-a", "{kind: Node, name: n}, {kind: ReplicaSet, name: w-1, controller: true}");
    assert_eq!(names(&design(&file(&single))), ["shop/w-1[ReplicaSet]"]);
}

#[test]
fn a_unit_has_its_namespace_its_ports_and_both_families() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: w, namespace: shop, labels: {app: w}}\nspec:\n  \
                hostNetwork: true\n  initContainers:\n  - {name: i, ports: [{containerPort: 1}]}\n  \
                - {name: s, restartPolicy: Always, ports: [{containerPort: 2}]}\n  containers:\n  \
                - {name: c, image: \"c:1\", ports: [{containerPort: 53, protocol: UDP, name: dns}]}\n  - {name: d, image: \"d:1\"}\n\
                status: {podIP: 10.0.0.1}\n";
    let reading = reading(&file(text));
    let [unit] = reading.draft.units.as_slice() else { panic!("one unit") };
    let labels: Vec<String> = unit.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(labels, ["app=w", "namespace:kubernetes.io/metadata.name=shop", "namespace:team=a"]);
    let addresses: Vec<_> = unit.interfaces.iter().map(|interface| interface.address).collect();
    assert_eq!(addresses, [Address::Unknown(Family::V4), Address::Unknown(Family::V6)]);
    let ports: Vec<_> = unit.listeners.iter().map(|one| (one.protocol, one.first, one.name.as_deref())).collect();
    assert_eq!(ports, [(Transport::Udp, 53, Some("dns")), (Transport::Tcp, 2, None)]);
    assert_eq!(unit.image.as_deref(), Some("c:1, d:1"));
    assert_eq!(unit.provenance.object.as_deref(), Some("Pod shop/w"));
    let assumed: Vec<_> = reading.draft.assumptions.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(assumed, ["host-network", "plugin-enforces", "pod-addresses-unknown"]);
}

#[test]
fn lists_and_json_hold_the_same_objects_as_documents() {
    let object =
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"w\"}, \"spec\": {\"containers\": []}}";
    let bare = "{\"metadata\": {\"name\": \"w\"}, \"spec\": {\"containers\": []}}";
    let tabs = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"metadata\": {\n\t\t\"name\": \"w\"\n\t},\n\t\"spec\": {}\n}\n";
    for text in [
        object.to_owned(),
        tabs.to_owned(),
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{object}]}}"),
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [{bare}]}}"),
        format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: [{object}]\n"),
        format!("---\n---\n# nothing\n---\n{object}\n...\n---\n"),
        "x: &base {apiVersion: v1, kind: Pod}\n---\napiVersion: v1\nkind: Pod\nmetadata: &m {name: w}\nspec: {<<: {containers: []}}\n".to_owned(),
    ] {
        assert_eq!(names(&design(&file(&text))), ["default/w[Pod]"], "{text}");
    }
}

#[test]
fn the_ingress_controller_reaches_what_ingresses_and_routes_lead_to() {
    let base = "apiVersion: v1\nkind: Pod\nmetadata: {name: w, namespace: shop, labels: {app: w}}\nspec:\n  containers:\n  \
                - {name: c, ports: [{containerPort: 8080, name: web}, {containerPort: 9000}]}\n---\n\
                apiVersion: v1\nkind: Service\nmetadata: {name: w, namespace: shop}\nspec:\n  selector: {app: w}\n  \
                ports: [{name: http, port: 80, targetPort: web}, {name: admin, port: 81, targetPort: 9000}, {name: same, port: 82}]\n---\n";
    let ingress = |port: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: shop}}\n\
             spec: {{defaultBackend: {{service: {{name: w, port: {{{port}}}}}}}}}\n"
        )
    };
    let route = |port: &str| {
        format!(
            "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {{name: r, namespace: shop}}\n\
             spec: {{to: {{kind: Service, name: w}}{port}}}\n"
        )
    };
    let cases = [
        (ingress("number: 80"), vec![8080]),
        (ingress("name: admin"), vec![9000]),
        (ingress("number: 82"), vec![82]),
        (route(""), vec![82, 8080, 9000]),
        (route(", port: {targetPort: http}"), vec![8080]),
        (route(", port: {targetPort: 9000}"), vec![9000]),
    ];
    for (entrance, expected) in cases {
        let design = design(&file(&format!("{base}{entrance}")));
        assert_eq!(design.external_sources()[0].name, "{ingress-controller}");
        let unit = design.unit_named("shop/w[Pod]").unwrap();
        let to = super::reach::endpoint(&design, unit, Family::V4);
        let reached = |port: &u16| {
            let header = Header::to_port(Transport::Tcp, *port);
            super::reach::allowed(&design, Endpoint::Source(ExternalSourceId(0)), to, header)
        };
        let ports: Vec<u16> = [80, 81, 82, 8080, 9000].into_iter().filter(reached).collect();
        assert_eq!(ports, expected, "{entrance}");
    }
}

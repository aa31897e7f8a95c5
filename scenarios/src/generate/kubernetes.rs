//! An estate as the manifests of one cluster.
//!
//! Every app has a namespace for each environment with a Deployment of its web and app tiers, a StatefulSet of its
//! data tier, their Services, and NetworkPolicies: a default deny, one for each tier, and what its history added.
//! Shared services have a namespace each. Cluster administrators keep environments apart with an AdminNetworkPolicy
//! and deny what no policy mentions with a BaselineAdminNetworkPolicy. Hypervisors are the cluster's nodes, which no
//! manifest declares, so there are as many pods as the estate has other units.

use super::estate::{App, ENVIRONMENTS, Estate, Group, SHARED};
use super::{Settings, SettingsError};
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;
use seglab_formats::File;

/// The manifests of an estate, in the order of their paths.
///
/// # Errors
/// See [`SettingsError`].
pub fn to_kubernetes(settings: &Settings) -> Result<Vec<File>, SettingsError> {
    let estate = Estate::new(settings)?;
    let mut random = estate.random.clone();
    let file = |path: String, text: String| File { path, text };
    let mut files = vec![file("admin-policies.yaml".to_owned(), admin_policies())];
    let integrations = integrations(&estate, settings.rules as usize / 4, &mut random);
    for (at, app) in estate.apps.iter().enumerate() {
        for environment in ENVIRONMENTS {
            let in_environment = |group: &&Group| group.app == at && group.environment == environment;
            // Groups stand app after app, nine to an app, so only those of this one are looked at.
            let groups: Vec<&Group> = estate.groups.iter().skip(9 * at).take(9).filter(in_environment).collect();
            let calls: Vec<&Integration> = integrations
                .iter()
                .filter(|one| one.environment == environment && (one.from == at || one.to == at))
                .collect();
            let namespace = format!("{}-{environment}", app.name);
            let text = Namespace { estate: &estate, at, app, environment, name: &namespace }.manifests(
                &groups,
                &calls,
                &mut random,
            );
            files.push(file(format!("apps/{namespace}.yaml"), text));
        }
    }
    for (role, units) in SHARED {
        let replicas = units as usize * estate.sites.len();
        files.push(file(format!("shared/{role}.yaml"), shared(role, replicas)));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// How many of the units are hypervisors: the nodes of the cluster, which no manifest declares. The others are pods.
///
/// # Errors
/// See [`SettingsError`].
pub fn nodes(settings: &Settings) -> Result<u32, SettingsError> {
    Estate::new(settings).map(|estate| estate.hypervisors)
}

/// A call from one app to another in one environment.
struct Integration {
    from: usize,
    to: usize,
    environment: &'static str,
}

fn integrations(estate: &Estate, count: usize, random: &mut Xoshiro256PlusPlus) -> Vec<Integration> {
    let draw = |_| {
        let environment = ENVIRONMENTS.get(random.random_range(0..ENVIRONMENTS.len())).copied().unwrap_or("prod");
        let (from, to) = (random.random_range(0..estate.apps.len()), random.random_range(0..estate.apps.len()));
        Integration { from, to, environment }
    };
    let mut drawn: Vec<Integration> = (0..count).map(draw).filter(|one| one.from != one.to).collect();
    drawn.sort_by_key(|one| (one.from, one.to, one.environment));
    drawn.dedup_by_key(|one| (one.from, one.to, one.environment));
    drawn
}

/// The namespace of an app in one environment.
struct Namespace<'a> {
    estate: &'a Estate,
    at: usize,
    app: &'a App,
    environment: &'a str,
    name: &'a str,
}

impl Namespace<'_> {
    fn manifests(&self, groups: &[&Group], calls: &[&Integration], random: &mut Xoshiro256PlusPlus) -> String {
        let (app, environment, name) = (self.app, self.environment, self.name);
        let mut documents = vec![format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{app: {}, env: {environment}, \
             portfolio: {}}}\n",
            app.name, app.portfolio
        )];
        for group in groups.iter().filter(|group| group.units > 0) {
            documents.push(self.workload(group));
            documents.push(self.service(group.tier));
        }
        documents.push(policy(name, "default-deny", "{}", &["Ingress", "Egress"], ""));
        documents.push(policy(name, "resolve-names", "{}", &["Egress"], &shared_egress()));
        documents.push(self.web(random));
        documents.push(self.app_tier());
        documents.push(self.data());
        documents.push(monitoring(name));
        if random.random_bool(0.4) {
            documents.push(self.partner(random));
        }
        documents.extend(calls.iter().filter_map(|call| self.integration(call)));
        documents.join("---\n")
    }

    fn port(&self, tier: &str) -> u16 {
        match tier {
            "web" => 8443,
            "app" => self.app.port,
            _ => self.app.engine.port,
        }
    }

    fn workload(&self, group: &Group) -> String {
        let (kind, image) = match group.tier {
            "web" => ("Deployment", "nginx:1.25".to_owned()),
            "app" => ("Deployment", format!("registry.example/{}:3.1", self.app.name)),
            _ => ("StatefulSet", format!("{}:15", self.app.engine.name)),
        };
        let (tier, port) = (group.tier, self.port(group.tier));
        let port_name = if tier == "web" { "https" } else { tier };
        let data = if tier == "data" && self.app.pci { ", data: pci" } else { "" };
        let service_name = if kind == "StatefulSet" { "  serviceName: data\n" } else { "" };
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {tier}\n  namespace: {}\nspec:\n  replicas: {}\n\
             {service_name}  selector:\n    matchLabels: {{tier: {tier}}}\n  template:\n    metadata:\n      labels: \
             {{app: {}, tier: {tier}{data}}}\n    spec:\n      containers:\n        - name: {tier}\n          image: \
             {image}\n          ports:\n            - {{name: {port_name}, containerPort: {port}}}\n            - \
             {{name: metrics, containerPort: 9100}}\n",
            self.name, group.units, self.app.name
        )
    }

    fn service(&self, tier: &str) -> String {
        let port = self.port(tier);
        format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {tier}\n  namespace: {}\nspec:\n  selector: \
             {{tier: {tier}}}\n  ports:\n    - {{port: {port}, targetPort: {port}, protocol: TCP}}\n",
            self.name
        )
    }

    /// The front door: the internet for public apps in production, offices for all else.
    fn web(&self, random: &mut Xoshiro256PlusPlus) -> String {
        let from = if self.app.public && self.environment == "prod" {
            "        - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}\n".to_owned()
        } else {
            (0..random.random_range(1..=3u8)).map(|_| office_block(random)).collect()
        };
        let rules = format!(
            "  ingress:\n    - from:\n{from}      ports: [{{port: https, protocol: TCP}}]\n  egress:\n    - to: \
             [{{podSelector: {{matchLabels: {{tier: app}}}}}}]\n      ports: [{{port: {}, protocol: TCP}}]\n",
            self.app.port
        );
        policy(self.name, "web", "{matchLabels: {tier: web}}", &["Ingress", "Egress"], &rules)
    }

    fn app_tier(&self) -> String {
        let rules = format!(
            "  ingress:\n    - from: [{{podSelector: {{matchLabels: {{tier: web}}}}}}]\n      ports: [{{port: {}, \
             protocol: TCP}}]\n  egress:\n    - to: [{{podSelector: {{matchLabels: {{tier: data}}}}}}]\n      ports: \
             [{{port: {}, protocol: TCP}}]\n",
            self.app.port, self.app.engine.port
        );
        policy(self.name, "app", "{matchLabels: {tier: app}}", &["Ingress", "Egress"], &rules)
    }

    fn data(&self) -> String {
        let rules = "  ingress:\n    - from: [{podSelector: {matchExpressions: [{key: tier, operator: In, values: \
                     [app, batch]}]}}]\n      ports: [{port: data, protocol: TCP}]\n";
        policy(self.name, "data", "{matchLabels: {tier: data}}", &["Ingress"], rules)
    }

    /// Interfaces to partners: ranges with parts taken out, a range of ports now and then.
    fn partner(&self, random: &mut Xoshiro256PlusPlus) -> String {
        let blocks: String = (0..random.random_range(1..=4u8)).map(|_| partner_block(random)).collect();
        let ports = if random.random_bool(0.3) {
            let first = 10 * random.random_range(2000..4500u16);
            format!("[{{port: {first}, endPort: {}, protocol: TCP}}]", first + random.random_range(9..200))
        } else {
            "[{port: 443, protocol: TCP}]".to_owned()
        };
        let rules = format!("  egress:\n    - to:\n{blocks}      ports: {ports}\n");
        policy(self.name, "partners", "{matchLabels: {tier: app}}", &["Egress"], &rules)
    }

    /// This namespace's end of a call between apps.
    fn integration(&self, call: &Integration) -> Option<String> {
        let (other, outward) = if call.from == self.at { (call.to, true) } else { (call.from, false) };
        let other = self.estate.apps.get(other)?;
        let peer = format!(
            "[{{namespaceSelector: {{matchLabels: {{app: {}, env: {}}}}}, podSelector: {{matchLabels: {{tier: app}}}}}}]",
            other.name, self.environment
        );
        let (kind, side, port) = if outward {
            ("Egress", "egress:\n    - to", other.port)
        } else {
            ("Ingress", "ingress:\n    - from", self.app.port)
        };
        let rules = format!("  {side}: {peer}\n      ports: [{{port: {port}, protocol: TCP}}]\n");
        let name = format!("{}-{}", if outward { "calls" } else { "called-by" }, other.name);
        Some(policy(self.name, &name, "{matchLabels: {tier: app}}", &[kind], &rules))
    }
}

fn policy(namespace: &str, name: &str, subject: &str, kinds: &[&str], rules: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
         spec:\n  podSelector: {subject}\n  policyTypes: [{}]\n{rules}",
        kinds.join(", ")
    )
}

/// What every pod may ask of the shared services.
fn shared_egress() -> String {
    let service = |role: &str, ports: &str| {
        format!("    - to: [{{namespaceSelector: {{matchLabels: {{role: {role}}}}}}}]\n      ports: {ports}\n")
    };
    format!(
        "  egress:\n{}{}{}",
        service("dns", "[{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]"),
        service("directory", "[{port: 636, protocol: TCP}]"),
        service("backup", "[{port: 10000, protocol: TCP}]")
    )
}

fn monitoring(namespace: &str) -> String {
    let rules = "  ingress:\n    - from: [{namespaceSelector: {matchLabels: {role: monitoring}}}]\n      ports: \
                 [{port: metrics, protocol: TCP}]\n";
    policy(namespace, "monitoring", "{}", &["Ingress"], rules)
}

/// Deployment, Service and policies of a shared service.
fn shared(role: &str, replicas: usize) -> String {
    let (port, protocol) = match role {
        "dns" => (53, "UDP"),
        "directory" => (636, "TCP"),
        "backup" => (10000, "TCP"),
        "proxy" => (3128, "TCP"),
        "bastion" => (22, "TCP"),
        "monitoring" => (9090, "TCP"),
        _ => (8443, "TCP"),
    };
    let egress = match role {
        "monitoring" => "    - to: [{namespaceSelector: {}}]\n      ports: [{port: 9100, protocol: TCP}]\n",
        "dns" => "    - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]\n",
        "proxy" => {
            "    - to:\n        - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}\n      ports: [{port: 443, protocol: \
             TCP}]\n"
        }
        _ => "    - to: [{namespaceSelector: {matchLabels: {role: dns}}}]\n      ports: [{port: 53, protocol: UDP}]\n",
    };
    let from = match role {
        "bastion" => "    - from:\n        - ipBlock: {cidr: 172.16.0.0/12}\n",
        "monitoring" => "    - from: [{namespaceSelector: {matchLabels: {role: bastion}}}]\n",
        _ => "    - from: [{namespaceSelector: {}}]\n",
    };
    let rules = format!("  ingress:\n{from}      ports: [{{port: {port}, protocol: {protocol}}}]\n  egress:\n{egress}");
    let namespace = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {role}\n  labels: {{role: {role}, env: shared}}\n"
    );
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {role}\n  namespace: {role}\nspec:\n  replicas: \
         {replicas}\n  selector:\n    matchLabels: {{role: {role}}}\n  template:\n    metadata:\n      labels: {{role: \
         {role}}}\n    spec:\n      containers:\n        - name: {role}\n          image: registry.example/{role}:2024.2\n\
         \x20         ports: [{{containerPort: {port}, protocol: {protocol}}}]\n"
    );
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {role}\n  namespace: {role}\nspec:\n  selector: {{role: \
         {role}}}\n  ports:\n    - {{port: {port}, protocol: {protocol}}}\n"
    );
    let guard = policy(role, role, "{}", &["Ingress", "Egress"], &rules);
    [namespace, deployment, service, guard].join("---\n")
}

/// What administrators of the cluster decide before anybody else, and after.
fn admin_policies() -> String {
    let keep_apart = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata:\n  name: \
                      environments\nspec:\n  priority: 10\n  subject:\n    namespaces:\n      matchLabels: {env: prod}\n\
                      \x20 ingress:\n    - name: development-never-touches-production\n      action: Deny\n      from:\n\
                      \x20       - namespaces:\n            matchLabels: {env: dev}\n    - name: \
                      no-administration-from-staging\n      action: Deny\n      from:\n        - namespaces:\n            \
                      matchLabels: {env: staging}\n      ports:\n        - portNumber: {protocol: TCP, port: 22}\n        - \
                      portRange: {protocol: TCP, start: 3389, end: 3399}\n    - name: monitoring-is-left-to-namespaces\n\
                      \x20     action: Pass\n      from:\n        - namespaces:\n            matchLabels: {role: monitoring}\n";
    let baseline = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata:\n  name: \
                    default\nspec:\n  subject:\n    namespaces: {}\n  ingress:\n    - name: nothing-from-other-namespaces\n\
                    \x20     action: Deny\n      from:\n        - namespaces: {}\n";
    [keep_apart, baseline].join("---\n")
}

/// An office network, with a guest network taken out now and then.
fn office_block(random: &mut Xoshiro256PlusPlus) -> String {
    let (second, third) = (random.random_range(16..32u8), random.random_range(0..64u8) * 4);
    let guests =
        if random.random_bool(0.3) { format!(", except: [172.{second}.{third}.128/25]") } else { String::new() };
    format!("        - ipBlock: {{cidr: 172.{second}.{third}.0/22{guests}}}\n")
}

/// A partner's network, of one size or another.
fn partner_block(random: &mut Xoshiro256PlusPlus) -> String {
    let (third, length) = (random.random_range(0..64u8) * 4, random.random_range(22..=26u8));
    format!("        - ipBlock: {{cidr: 51.{}.{third}.0/{length}}}\n", random.random_range(140..148u8))
}

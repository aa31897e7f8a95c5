//! The catalogue: designs that the crate ships, each with a README and results that tests hold it to.

use std::path::PathBuf;

/// A design of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The name: `three-tier-company/zones`.
    pub name: &'static str,
    /// What it shows, in a sentence.
    pub about: &'static str,
    /// The path of its design below `scenarios/catalogue/`.
    pub path: &'static str,
}

impl Scenario {
    /// Where the design stands on the disk of whoever built the crate from its repository.
    pub fn file(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("catalogue").join(self.path)
    }

    /// Where its expected results stand: `expected.txt`, or beside a design that shares its folder `zones.txt`.
    pub fn expected(&self) -> PathBuf {
        let file = self.file();
        match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("seglab") | None => file.with_file_name("expected.txt"),
            Some(stem) => file.with_file_name(format!("{stem}.txt")),
        }
    }
}

/// The designs, from the simplest on.
pub fn catalogue() -> &'static [Scenario] {
    &[
        Scenario {
            name: "chain",
            about: "A calls B calls C on one port, and nothing else goes",
            path: "chain/seglab.yaml",
        },
        Scenario {
            name: "marketing-site",
            about: "whoever owns the web server gets the e-mail list, and nothing else",
            path: "marketing-site/seglab.yaml",
        },
        Scenario {
            name: "three-tier-company/flat",
            about: "a company on one network, without any segmentation",
            path: "three-tier-company/flat.yaml",
        },
        Scenario {
            name: "three-tier-company/perimeter",
            about: "the same company behind a firewall at its edge",
            path: "three-tier-company/perimeter.yaml",
        },
        Scenario {
            name: "three-tier-company/zones",
            about: "the same company in zones, with a firewall between them",
            path: "three-tier-company/zones.yaml",
        },
        Scenario {
            name: "three-tier-company/microsegmented",
            about: "the same company with an agent on every unit that takes one",
            path: "three-tier-company/microsegmented.yaml",
        },
        Scenario {
            name: "online-shop",
            about: "eleven services on Kubernetes, in which one policy opens all egress without saying so",
            path: "online-shop/seglab.yaml",
        },
        Scenario {
            name: "ticket-shop",
            about: "an application with visitors, services, and a release that does not wait for its rule",
            path: "ticket-shop/seglab.yaml",
        },
    ]
}

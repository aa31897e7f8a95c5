//! What attackers do, by the names that MITRE ATT&CK (Enterprise, version 15) has for it.
//!
//! Source: <https://attack.mitre.org/techniques/enterprise/>. Where a finer technique cannot be told from what a design
//! says (whether a credential is a password or a ticket, T1550), the coarser one stands.

use seglab_policy::{Finds, Header, Transport};

/// A technique of MITRE ATT&CK (Enterprise).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Technique {
    /// Its id: `T1210`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl Technique {
    const fn new(id: &'static str, name: &'static str) -> Self {
        Self { id, name }
    }
}

pub(super) const SCAN_SERVICES: Technique = Technique::new("T1046", "Network Service Discovery");
pub(super) const SCAN_SYSTEMS: Technique = Technique::new("T1018", "Remote System Discovery");
pub(super) const FIND_CREDENTIALS: Technique = Technique::new("T1552", "Unsecured Credentials");
pub(super) const ESCALATE: Technique = Technique::new("T1068", "Exploitation for Privilege Escalation");
pub(super) const TAMPER: Technique = Technique::new("T1562.001", "Impair Defenses: Disable or Modify Tools");
pub(super) const ENCRYPT: Technique = Technique::new("T1486", "Data Encrypted for Impact");
pub(super) const EXPLOIT_REMOTE: Technique = Technique::new("T1210", "Exploitation of Remote Services");
pub(super) const EXPLOIT_PUBLIC: Technique = Technique::new("T1190", "Exploit Public-Facing Application");
pub(super) const LOGIN_EXTERNAL: Technique = Technique::new("T1133", "External Remote Services");
pub(super) const LURE: Technique = Technique::new("T1203", "Exploitation for Client Execution");
pub(super) const UPDATE: Technique =
    Technique::new("T1195.002", "Supply Chain Compromise: Compromise Software Supply Chain");
pub(super) const TAKE_CONTROLLER: Technique =
    Technique::new("T1562.004", "Impair Defenses: Disable or Modify System Firewall");
pub(super) const EXFILTRATE: Technique = Technique::new("T1041", "Exfiltration Over C2 Channel");

/// A scan that finds these.
pub(super) fn scan(finds: Finds) -> Technique {
    match finds {
        Finds::Answering => SCAN_SERVICES,
        Finds::Routed => SCAN_SYSTEMS,
    }
}

/// A login from an owned unit, by the service that takes it.
pub(super) fn login(header: Header) -> Technique {
    match header {
        Header::Transport { protocol: Transport::Tcp, destination_port, .. } => match destination_port {
            22 => Technique::new("T1021.004", "Remote Services: SSH"),
            3389 => Technique::new("T1021.001", "Remote Services: Remote Desktop Protocol"),
            139 | 445 => Technique::new("T1021.002", "Remote Services: SMB/Windows Admin Shares"),
            5900..=5906 => Technique::new("T1021.005", "Remote Services: VNC"),
            5985 | 5986 => Technique::new("T1021.006", "Remote Services: Windows Remote Management"),
            _ => Technique::new("T1078", "Valid Accounts"),
        },
        _ => Technique::new("T1078", "Valid Accounts"),
    }
}

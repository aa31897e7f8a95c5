//! `seglab check`: certificates, judged by the independent checker.
//!
//! The checker knows a normal form and a certificate. That the normal form is the design's is shown here: the sources
//! are read again, and rules drawn at random are printed beside the lines that they were read from, for eyes to judge.

use super::Context;
use super::certificates::{MANIFEST, MANIFEST_HEADER, NORMAL_FORM, file_name, is_file_name};
use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::heading::heading;
use crate::output;
use seglab_certificate::{Accepted, Judge, Question, sha256};
use seglab_policy::{Design, Hex, Rule, RuleId, normal_form};
use seglab_reports::heading_text;
use seglab_scenarios::Loaded;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// No file of the folder is longer. \[bytes\]
const FILE_BYTES_MAX: u64 = 1 << 30;

pub(crate) fn run(args: &args::Check, context: &mut Context) -> Result<Exit, Failure> {
    let loaded = context.load(&args.design.path)?;
    let folder = &args.certificates;
    let manifest = read(folder, MANIFEST)?;
    let listed = Listed::read(&manifest).ok_or_else(|| {
        Failure::usage(
            format!("`{}` is no manifest of certificates", folder.join(MANIFEST).display()),
            "name the folder that `seglab verify --certificates` wrote",
        )
    })?;
    let text = context.timings.phase("parse", || normal_form::write(&loaded.design));
    let mut out = heading_text(&[heading(&loaded.design, Some(args.seed))]);
    let mut refused = binding(&loaded.design, folder, &listed, &text, &mut out)?;
    let question = Question { as_if_enforced: args.design.as_if_enforced, honour_trusted: false };
    let readable = context.timings.phase("read", || seglab_certificate::Design::read(&text));
    let judge = readable.as_ref().map_err(Clone::clone).and_then(Judge::new);
    let mut accepted = 0;
    for (name, digest) in &listed.certificates {
        let verdict = context.timings.phase("check", || match &judge {
            Ok(judge) => judged(judge, folder, name, digest, question),
            Err(refusal) => Err(refusal.to_string()),
        });
        // A certificate proves the claim that it names, and its file stands for one claim.
        let verdict = verdict.and_then(|accepted| {
            let of_file = claims(&loaded.design).find(|claim| claim.0 == *name);
            match of_file.is_some_and(|(_, section, id)| section == accepted.section && id == accepted.name) {
                true => Ok(accepted),
                false => Err(format!("it is of {} `{}`", accepted.section, accepted.name)),
            }
        });
        let line = match verdict {
            Ok(Accepted { section, name: claim, obligations, .. }) => {
                accepted += 1;
                format!("accepted: {section} `{claim}` ({obligations} obligations) [{name}]")
            }
            Err(why) => {
                refused += 1;
                format!("REFUSED: {name}: {why}")
            }
        };
        let _ = writeln!(out, "{}", printable(&line));
    }
    for (name, section, id) in claims(&loaded.design).filter(|(name, _, _)| !listed.certificates.contains_key(name)) {
        let _ = writeln!(out, "no certificate: {section} `{}` [{name}]", printable(&id));
    }
    let _ = writeln!(out, "\n{accepted} accepted, {refused} refused");
    sample(&loaded, args.rules, args.seed, &mut out);
    output::print(&out)?;
    Ok(if refused == 0 { Exit::Holds } else { Exit::Violated })
}

/// What the checker says of a file, or why it is not asked.
fn judged(judge: &Judge<'_>, folder: &Path, name: &str, digest: &str, question: Question) -> Result<Accepted, String> {
    let certificate = read(folder, name).map_err(|failure| failure.to_string())?;
    if sha256(certificate.as_bytes()) != digest {
        return Err("its digest is not the one in the manifest".to_owned());
    }
    judge.check(&certificate, question).map_err(|refusal| refusal.to_string())
}

/// What a manifest lists.
struct Listed {
    normal_form: String,
    sources: Vec<(String, String)>,
    /// Digests by name.
    certificates: BTreeMap<String, String>,
}

impl Listed {
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(MANIFEST_HEADER) || !text.ends_with('\n') {
            return None;
        }
        let mut listed = Self { normal_form: String::new(), sources: Vec::new(), certificates: BTreeMap::new() };
        let mut read = 1;
        while let Some(line) = lines.next() {
            let (keyword, rest) = line.split_once(' ')?;
            if keyword == "end" {
                return (rest == read.to_string() && lines.next().is_none()).then_some(listed);
            }
            let (digest, name) = rest.split_once(' ')?;
            match keyword {
                "normal-form" if name == NORMAL_FORM => listed.normal_form = digest.to_owned(),
                "source" => listed.sources.push((digest.to_owned(), name.to_owned())),
                "certificate" if is_file_name(name) => {
                    listed.certificates.insert(name.to_owned(), digest.to_owned());
                }
                _ => return None,
            }
            read += 1;
        }
        None
    }
}

/// Checks that the folder is of the design as its sources have it now; gives the number of things that are not.
fn binding(design: &Design, folder: &Path, listed: &Listed, text: &str, out: &mut String) -> Result<usize, Failure> {
    let mut wrong = 0;
    let now: Vec<(String, String)> =
        design.sources().iter().map(|source| (Hex(&source.sha256).to_string(), format!("{:?}", source.path))).collect();
    for (digest, path) in listed.sources.iter().filter(|source| !now.contains(source)) {
        wrong += 1;
        let _ = writeln!(
            out,
            "REFUSED: the source {} is not as it was: no file of it has SHA-256 {digest}",
            printable(path)
        );
    }
    for (_, path) in now.iter().filter(|source| !listed.sources.contains(source)) {
        wrong += 1;
        let _ = writeln!(out, "REFUSED: the source {} is not in the manifest as it is now", printable(path));
    }
    let saved = read(folder, NORMAL_FORM)?;
    let same = saved == *text && sha256(saved.as_bytes()) == listed.normal_form;
    if !same {
        wrong += 1;
        let mut pairs = (1..).zip(saved.lines().zip(text.lines()));
        let line = pairs.find(|(_, (saved, now))| saved != now).map(|(line, _)| format!(", from line {line} on"));
        let _ = writeln!(out, "REFUSED: {NORMAL_FORM} is not what the sources say now{}", line.unwrap_or_default());
    }
    if wrong == 0 {
        let _ = writeln!(out, "the sources give this normal form: SHA-256 {}", listed.normal_form);
    }
    Ok(wrong)
}

/// Every claim of a design: the file that its certificate is in, its section and its name.
fn claims(design: &Design) -> impl Iterator<Item = (String, &'static str, String)> + '_ {
    let property = |(at, property): (usize, &seglab_policy::Property)| {
        (file_name("property", at), "property", property.id.clone())
    };
    let needs = (0..design.needs().len()).map(|at| (file_name("need", at), "need", at.to_string()));
    design.properties().iter().enumerate().map(property).chain(needs)
}

/// Prints rules drawn at random, each beside the line that it was read from.
fn sample(loaded: &Loaded, count: usize, seed: u64, out: &mut String) {
    let rules: Vec<(RuleId, &Rule)> = loaded.design.rules().collect();
    let mut drawn = BTreeSet::new();
    let mut state = seed;
    while drawn.len() < count.min(rules.len()) {
        let (next, value) = draw(state);
        state = next;
        drawn.insert(usize::try_from(value % rules.len() as u64).unwrap_or_default());
    }
    if !drawn.is_empty() {
        let _ =
            writeln!(out, "\n{} of {} rules, drawn with seed {seed}, beside their source:", drawn.len(), rules.len());
    }
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, rule) in drawn.into_iter().filter_map(|at| rules.get(at)) {
        let services: Vec<String> = rule.services.iter().map(ToString::to_string).collect();
        let directions: Vec<String> = rule.directions.iter().map(|direction| direction.to_string()).collect();
        let tier = loaded.design.rule(*id).map_or("", |(tier, _)| tier.name.as_str());
        let said = format!(
            "{} {} -> {} {} [{}, tier {tier}]",
            rule.action,
            rule.from,
            rule.to,
            services.join(" "),
            directions.join("+")
        );
        let _ = writeln!(out, "  {}", printable(&said));
        let source = rule.provenance.span.and_then(|span| Some((span, loaded.design.source(span.source)?)));
        let Some((span, source)) = source else {
            let _ = writeln!(
                out,
                "    no line: {}",
                printable(rule.provenance.object.as_deref().unwrap_or("the reader added it"))
            );
            continue;
        };
        let text = loaded.texts.get(&source.path).map_or("", String::as_str);
        let line = lines.entry(&source.path).or_insert_with(|| text.lines().collect());
        let line = line.get(span.line.saturating_sub(1) as usize).copied().unwrap_or_default();
        let _ = writeln!(out, "    {}:{} | {}", printable(&source.path), span.line, printable(line.trim()));
    }
}

/// The next state and value of a SplitMix64 generator (Steele, Lea, Flood 2014).
fn draw(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state, z ^ (z >> 31))
}

/// Text of others without characters that a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn read(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    let unreadable = |error: std::io::Error| {
        Failure::usage(
            format!("cannot read `{}`: {error}", path.display()),
            "name the folder that `seglab verify --certificates` wrote",
        )
    };
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    // What is no text is no certificate either; the checker will say so.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

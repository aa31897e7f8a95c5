//! Releases and how their rules are approved: the sections `releases` and `approval`.

use super::NATIVE_RULEBOOK;
use super::at::{At, Entries, Text};
use super::document::{NeedDoc, RuleDoc};
use super::reader::Reader;
use crate::text::suggestion;
use schemars::JsonSchema;
use seglab_policy::{
    Action, Addition, Approval, Draft, NAMESPACE_KEY, Need, Order, Provenance, Release, Rule, RulebookId,
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// An application that changes on a date: needs begin and end, rules come and go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ReleaseDoc {
    /// The name, unique in the design.
    name: String,
    /// Its date, after the start: `14d`.
    at: Text,
    /// The flows that must work from then on.
    #[serde(default)]
    needs: Vec<At<NeedDoc>>,
    /// The needs that nobody has any more, as reports print them: `app=web -> app=db tcp/5432`.
    #[serde(default)]
    ends: Vec<Text>,
    /// Rules that are written for it, for the rulebook `policy`.
    #[serde(default)]
    policy: Vec<At<RuleDoc>>,
    /// Rules for others, by the name of the rulebook.
    #[serde(default)]
    policies: Entries<Vec<At<RuleDoc>>>,
    /// The objects whose rules go with it: what rules have as `object`, such as `NetworkPolicy shop/web`.
    #[serde(default)]
    retires: Vec<Text>,
}

/// How the rules of releases come into force: as requests that wait for a reviewer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ApprovalDoc {
    /// How many people review requests, one after the other; 1 where it is absent.
    reviewers: Option<At<u32>>,
    /// The mean time that a request takes one of them, exponentially distributed.
    review: Text,
    /// Releases wait until their rules are in force; where it is absent they go ahead, and what needs those rules breaks.
    #[serde(default)]
    hold: bool,
}

impl Reader<'_> {
    /// The releases of a file, which may speak of each other.
    pub(super) fn releases(&mut self, docs: &[At<ReleaseDoc>], draft: &mut Draft) {
        let docs: Vec<(&ReleaseDoc, Release)> =
            docs.iter().filter_map(|doc| Some((&doc.value, self.release(doc, draft)?))).collect();
        let all = || draft.releases.iter().chain(docs.iter().map(|(_, release)| release));
        let added = all().flat_map(|release| &release.adds).map(|addition| &addition.rule);
        let rules = draft.rulebooks.iter().flat_map(|book| &book.tiers).flat_map(|tier| &tier.rules).chain(added);
        let objects: BTreeSet<String> = rules.filter_map(|rule| rule.provenance.object.clone()).collect();
        let needs: BTreeSet<String> =
            draft.needs.iter().chain(all().flat_map(|release| &release.needs)).map(Need::name).collect();
        for (doc, mut release) in docs {
            for given in doc.retires.iter().filter(|given| !objects.contains(&given.value)) {
                let message = format!("no rule has the object `{}`", given.value);
                self.unknown(given, message, &objects, "name rules by it: `allow: {from: ..., object: old-report}`");
            }
            for given in &doc.ends {
                match needs.iter().find(|name| **name == given.value || in_short(name) == given.value) {
                    Some(name) => release.ends.push(name.clone()),
                    None => {
                        let help = "name it as reports print it: `app=web -> app=db tcp/5432`";
                        self.unknown(given, format!("no need is called `{}`", given.value), &needs, help);
                    }
                }
            }
            draft.releases.push(release);
        }
        if !draft.releases.is_empty() {
            self.assume(
                "no-release-yet",
                "proofs are about the design before any release; what `releases` bring is played by simulations",
            );
        }
    }

    fn unknown(&mut self, given: &Text, message: String, known: &BTreeSet<String>, otherwise: &str) {
        let help = suggestion(&given.value, known.iter().map(String::as_str));
        self.notes.error("unknown-name", given, message, &help.unwrap_or_else(|| otherwise.to_owned()));
    }

    fn release(&mut self, doc: &At<ReleaseDoc>, draft: &Draft) -> Option<Release> {
        let given = &doc.value;
        let at_ns = self.duration(&given.at);
        let needs: Vec<Option<Need>> = given.needs.iter().map(|doc| self.need(doc, &draft.stations)).collect();
        let mut adds = Vec::new();
        let mut add = |reader: &mut Self, place: &At<()>, name: &str, docs: &[At<RuleDoc>]| {
            let id = reader.extended(place, name, draft)?;
            let rules = reader.rules(docs);
            rules.iter().for_each(|rule| reader.check_takes(draft, id, rule, place));
            adds.extend(rules.into_iter().map(|rule| Addition { rulebook: id, rule }));
            Some(())
        };
        if !given.policy.is_empty() {
            add(self, &doc.with(()), NATIVE_RULEBOOK, &given.policy);
        }
        for (name, rules) in &given.policies.0 {
            add(self, &name.with(()), &name.value, rules);
        }
        let does_nothing =
            given.needs.is_empty() && given.ends.is_empty() && adds.is_empty() && given.retires.is_empty();
        if does_nothing && !self.notes.has_errors() {
            let help = "say what changes: `needs`, `ends`, `policy` or `retires`";
            self.notes.error("missing-key", doc, format!("the release `{}` changes nothing", given.name), help);
            return None;
        }
        Some(Release {
            name: given.name.clone(),
            at_ns: at_ns?,
            needs: needs.into_iter().collect::<Option<_>>()?,
            ends: Vec::new(),
            adds,
            retires: given.retires.iter().map(|name| name.value.clone()).collect(),
            provenance: Provenance::at(self.notes.span(doc)),
        })
    }

    /// The rulebook that a release adds rules to.
    fn extended(&mut self, place: &At<()>, name: &str, draft: &Draft) -> Option<RulebookId> {
        let Some(at) = draft.rulebooks.iter().position(|book| book.name == name) else {
            let known = draft.rulebooks.iter().map(|book| book.name.as_str());
            let help = suggestion(name, known).unwrap_or_else(|| "declare it under `policies`".to_owned());
            self.notes.error("unknown-name", place, format!("no rulebook is called `{name}`"), &help);
            return None;
        };
        let tiers = draft.rulebooks.get(at).map_or(0, |book| book.tiers.len());
        if tiers != 1 {
            let message = format!(
                "`{name}` has {}: it is not said which a new rule is for",
                seglab_policy::count(tiers as u64, "tier", "tiers")
            );
            self.notes.error(
                "invalid-value",
                place,
                message,
                "add rules to a rulebook of one tier, such as a plain list",
            );
            return None;
        }
        u32::try_from(at).ok().map(RulebookId)
    }

    /// A tier that takes the union of allow rules has no other ones.
    fn check_takes(&mut self, draft: &Draft, id: RulebookId, rule: &Rule, place: &At<()>) {
        let tier = draft.rulebooks.get(id.0 as usize).and_then(|book| book.tiers.first());
        if tier.is_some_and(|tier| tier.order == Order::AllowUnion) && rule.action != Action::Allow {
            let message = format!(
                "the rulebook takes the union of allow rules, and the release adds one that says {}",
                rule.action
            );
            self.notes.error("invalid-value", place, message, "add it to a rulebook with another order");
        }
    }

    pub(super) fn approval(&mut self, doc: &At<ApprovalDoc>, draft: &mut Draft) {
        let given = &doc.value;
        if draft.approval.is_some() {
            let message = "a part of the design says how rules are approved already";
            self.notes.error("duplicate-name", doc, message, "keep one of them");
        }
        let reviewers = given.reviewers.as_ref().map_or(1, |reviewers| reviewers.value);
        if let Some(at) = given.reviewers.as_ref().filter(|_| reviewers == 0) {
            let help = "give at least 1, or leave `approval` out: rules change on the date then";
            self.notes.error("invalid-value", at, "nobody reviews requests", help);
        }
        let Some(review_mean_ns) = self.time_above_zero(&given.review) else { return };
        if draft.releases.is_empty() {
            let message = "there are no `releases` whose rules would be approved";
            self.notes.warning("means-nothing", doc, message, "declare releases, or remove `approval`");
        }
        let provenance = Provenance::at(self.notes.span(doc));
        draft.approval = Some(Approval { reviewers, review_mean_ns, holds: given.hold, provenance });
    }
}

/// The name of a need as reports print it.
fn in_short(name: &str) -> String {
    name.replace(NAMESPACE_KEY, "namespace")
}

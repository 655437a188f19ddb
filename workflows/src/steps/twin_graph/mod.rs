//! The models, twins and relationships of an Azure Digital Twins instance, as one step.
//!
//! One step, not three: an update must add new models before twins move to them and may delete old models only after,
//! and putting an earlier graph back must do the same in the other direction.

mod compare;
mod document;

use std::time::Duration;

use async_trait::async_trait;
use azure::{
    api,
    digital_twins::{Client, Condition, ModelPlan, batches, plan},
};
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

pub(crate) use document::{GraphDocument, Relationship};

use super::{failed, gone};
use crate::clouds::Clouds;

/// Requests in flight at once; the client keeps below the service's rates by itself.
const IN_FLIGHT: usize = 16;
/// Twins between two checkpoints.
const BATCH: usize = 250;

/// The graph that an instance is to hold.
pub(crate) struct TwinGraph {
    instance: String,
    host: String,
    wanted: GraphDocument,
}

/// What a look at the instance showed.
#[derive(Default)]
struct Found {
    missing: Vec<String>,
    differing: Vec<String>,
    present: usize,
}

impl TwinGraph {
    /// The graph in the instance with the id `instance`, whose data plane is at `host`.
    pub(crate) fn new(instance: String, host: String, wanted: GraphDocument) -> Self {
        Self { instance, host, wanted }
    }

    fn client(&self, cx: &Context<'_, Clouds>) -> Result<Client, Error> {
        cx.env.azure.digital_twins(&self.host).map_err(failed)
    }

    async fn look(&self, cx: &Context<'_, Clouds>, client: &Client, earlier: &GraphDocument) -> Result<Found, Error> {
        let mut found = Found::default();
        self.look_at_models(client, &mut found).await?;
        let twins = each(cx, "twins looked at", self.wanted.twins.keys().cloned().collect(), |id| async move {
            let twin = client.twin(&id).await.map_err(failed)?;
            let state = twin.map(|twin| compare::patch(&id, &self.wanted, earlier, &twin.document).is_empty());
            Ok((id, state))
        });
        for (id, same) in twins.await? {
            found.add("twin", &id, same);
        }
        let wanted = self.wanted.relationships.clone();
        let relationships = each(cx, "relationships looked at", wanted, |one| async move {
            let there = client.relationship(&one.source, &one.id).await.map_err(failed)?;
            let same = there.map(|there| compare::same_relationship(&one.body, &there.document));
            Ok((format!("{}/{}", one.source, one.id), same))
        });
        for (id, same) in relationships.await? {
            found.add("relationship", &id, same);
        }
        Ok(found)
    }

    /// One list instead of a request per model: an ontology has hundreds.
    async fn compare_models(&self, client: &Client) -> Result<ModelPlan, Error> {
        Ok(plan(&self.wanted.models, &client.models(true).await.map_err(failed)?))
    }

    async fn look_at_models(&self, client: &Client, found: &mut Found) -> Result<(), Error> {
        let models = self.compare_models(client).await?;
        for model in &models.missing {
            found.add("model", model["@id"].as_str().unwrap_or_default(), None);
        }
        for id in &models.same {
            found.add("model", id, Some(true));
        }
        for id in &models.changed {
            found.add("model", id, Some(false));
        }
        Ok(())
    }

    /// What the earlier definition had and this one has not must be gone.
    async fn look_for_leftovers(
        &self,
        client: &Client,
        earlier: &GraphDocument,
        found: &mut Found,
    ) -> Result<(), Error> {
        for one in earlier.relationships_not_in(&self.wanted) {
            let there = client.relationship(&one.source, &one.id).await.map_err(failed)?;
            found.add_leftover("relationship", &one.id, there.is_some());
        }
        for id in earlier.twins_not_in(&self.wanted) {
            found.add_leftover("twin", &id, client.twin(&id).await.map_err(failed)?.is_some());
        }
        for id in earlier.models_not_in(&self.wanted) {
            found.add_leftover("model", &id, client.model(&id).await.map_err(failed)?.is_some());
        }
        Ok(())
    }

    /// Uploads the models that are not there, in dependency order.
    async fn add_models(&self, cx: &Context<'_, Clouds>, client: &Client) -> Result<(), Error> {
        let models = self.compare_models(client).await?;
        if let Some(changed) = models.changed.first() {
            let message = format!(
                "change model {changed}: Azure Digital Twins cannot change a model; give the new one a higher version in its DTMI"
            );
            return Err(Error::failed(FailureKind::Permanent, message).with_code("model-changed"));
        }
        let mut uploaded = 0;
        for batch in batches(&models.missing) {
            cx.waiting(waiting(format!("models, {uploaded} of {}", models.missing.len()), cx));
            match client.create_models(&batch).await {
                Err(error) if error.code() == Some("ModelIdAlreadyExists") => {
                    // An earlier attempt's reply was lost, or somebody else is at work: the next attempt looks again.
                    return Err(Error::failed(FailureKind::Transient, error.to_string()));
                }
                done => drop(done.map_err(failed)?),
            }
            uploaded += batch.len();
            cx.checkpoint(json!({ "models": uploaded })).await?;
        }
        Ok(())
    }

    async fn put_twins(&self, cx: &Context<'_, Clouds>, client: &Client, earlier: &GraphDocument) -> Result<(), Error> {
        let ids: Vec<String> = self.wanted.twins.keys().cloned().collect();
        for (number, batch) in ids.chunks(BATCH).enumerate() {
            cx.waiting(waiting(format!("twins, {} of {}", number * BATCH, ids.len()), cx));
            each(cx, "twins", batch.to_vec(), |id| self.put_twin(client, earlier, id)).await?;
            if ids.len() > BATCH {
                cx.checkpoint(json!({ "twins": number * BATCH + batch.len() })).await?;
            }
        }
        Ok(())
    }

    async fn put_twin(&self, client: &Client, earlier: &GraphDocument, id: String) -> Result<(), Error> {
        let Some(twin) = client.twin(&id).await.map_err(failed)? else {
            client.put_twin(&id, &self.wanted.twins[&id], Condition::IfAbsent).await.map_err(failed)?;
            return Ok(());
        };
        let patch = compare::patch(&id, &self.wanted, earlier, &twin.document);
        if !patch.is_empty() {
            let condition = twin.etag.as_deref().map_or(Condition::Always, Condition::IfMatch);
            client.patch_twin(&id, &Value::Array(patch), condition).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn put_relationships(&self, cx: &Context<'_, Clouds>, client: &Client) -> Result<(), Error> {
        each(cx, "relationships", self.wanted.relationships.clone(), |one| async move {
            let there = client.relationship(&one.source, &one.id).await.map_err(failed)?;
            if there.is_none_or(|there| !compare::same_relationship(&one.body, &there.document)) {
                client.put_relationship(&one.source, &one.id, &one.body, Condition::Always).await.map_err(failed)?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}

#[async_trait]
impl Step<Clouds> for TwinGraph {
    type Output = ();

    fn document(&self) -> Value {
        serde_json::to_value(&self.wanted).expect("a graph document has string keys only")
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        if gone(cx, &self.instance, api::DIGITAL_TWINS).await? {
            return Ok(Observation::Absent);
        }
        let client = self.client(cx)?;
        let earlier = GraphDocument::earlier(cx.previous);
        let mut found = self.look(cx, &client, &earlier).await?;
        self.look_for_leftovers(&client, &earlier, &mut found).await?;
        let fit = match (&found.missing[..], &found.differing[..]) {
            ([], []) => Fit::Exact,
            (missing, _) if found.present == 0 && !missing.is_empty() => return Ok(Observation::Absent),
            ([], differing) => Fit::Differs(differing.to_vec()),
            (missing, _) => Fit::Partial(format!("{} of the graph missing, first the {}", missing.len(), missing[0])),
        };
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        let client = self.client(cx)?;
        let earlier = GraphDocument::earlier(change.previous);
        self.add_models(cx, &client).await?;
        self.put_twins(cx, &client, &earlier).await?;
        self.put_relationships(cx, &client).await?;
        delete(cx, &client, earlier.relationships_not_in(&self.wanted), earlier.twins_not_in(&self.wanted)).await?;
        delete_models(&client, earlier.models_not_in(&self.wanted)).await
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        if gone(cx, &self.instance, api::DIGITAL_TWINS).await? {
            return Ok(());
        }
        let client = self.client(cx)?;
        let nothing = GraphDocument::default();
        delete(cx, &client, self.wanted.relationships_not_in(&nothing), self.wanted.twins_not_in(&nothing)).await?;
        delete_models(&client, self.wanted.models_not_in(&nothing)).await
    }

    fn policy(&self) -> Policy {
        let seconds = 5 + self.wanted.twins.len() as u64 / 100;
        Policy { expected: Duration::from_secs(seconds), ..Policy::default() }
    }
}

impl Found {
    fn add_leftover(&mut self, what: &str, id: &str, there: bool) {
        if there {
            self.present += 1;
            self.differing.push(format!("{what} {id} (left over)"));
        }
    }

    fn add(&mut self, what: &str, id: &str, same: Option<bool>) {
        match same {
            None => self.missing.push(format!("{what} {id}")),
            Some(true) => self.present += 1,
            Some(false) => {
                self.present += 1;
                self.differing.push(format!("{what} {id}"));
            }
        }
    }
}

/// Deletes relationships, then twins; what is not there any more is fine.
async fn delete(
    cx: &Context<'_, Clouds>,
    client: &Client,
    relationships: Vec<Relationship>,
    twins: Vec<String>,
) -> Result<(), Error> {
    each(cx, "relationships deleted", relationships, |one| async move {
        absent_is_fine(client.delete_relationship(&one.source, &one.id, Condition::Always).await)
    })
    .await?;
    each(
        cx,
        "twins deleted",
        twins,
        |id| async move { absent_is_fine(client.delete_twin(&id, Condition::Always).await) },
    )
    .await?;
    Ok(())
}

/// Deletes models one after the other, the most dependent first: the service refuses to delete what others refer to.
async fn delete_models(client: &Client, ids: Vec<String>) -> Result<(), Error> {
    for id in ids {
        absent_is_fine(client.delete_model(&id).await)?;
    }
    Ok(())
}

fn absent_is_fine<T>(done: Result<T, azure::Error>) -> Result<(), Error> {
    match done {
        Err(error) if error.kind() == azure::Kind::NotFound => Ok(()),
        done => done.map(drop).map_err(failed),
    }
}

/// Does something for each item, several at a time, and stops at the first failure; says how far it is where there are many.
async fn each<I, T, F>(
    cx: &Context<'_, Clouds>,
    what: &str,
    items: Vec<I>,
    act: impl Fn(I) -> F,
) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let all = items.len();
    let mut done = Vec::with_capacity(all);
    let mut results = stream::iter(items).map(act).buffer_unordered(IN_FLIGHT);
    while let Some(result) = results.try_next().await? {
        done.push(result);
        if all > BATCH && done.len() % BATCH == 0 {
            cx.waiting(waiting(format!("{what}, {} of {all}", done.len()), cx));
        }
    }
    Ok(done)
}

fn waiting(what: String, cx: &Context<'_, Clouds>) -> engine::progress::Waiting {
    engine::progress::Waiting { what, for_at_most: cx.remaining() }
}

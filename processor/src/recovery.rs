//! Pumps a recovery: reads what it asks for, appends its claim, waits. What it makes of that is
//! [`control_instance::Recovery`]'s.

use std::time::Duration;

use control_instance::{Answer, Ask, Now, Outrun, Recovered, Recovery};
use futures::future::try_join_all;
use schemas::topics::Topic;
use service_kit::clock::{Clock, SystemClock};
use service_kit::log::{AppendError, LogConfig, Producer, ReadError, Reader};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::notes;

/// What recovery needs to work.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// The log.
    pub(crate) log: LogConfig,
    /// To append the claim.
    pub(crate) producer: Producer,
    /// Longest wait for that.
    pub(crate) append_timeout: Duration,
    /// What elapsed time is counted from.
    pub(crate) since: Instant,
}

/// Why a partition could not be recovered.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("appending the claim: {0}")]
    Append(#[from] AppendError),
    #[error(transparent)]
    Outrun(#[from] Outrun),
}

impl Trouble {
    /// Whether to try again is of no use: the process has to end.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Read(error) => error.is_final(),
            Self::Append(error) => error.is_fatal(),
            Self::Outrun(_) => false,
        }
    }
}

impl Surroundings {
    /// The time, twice.
    pub(crate) fn now(&self) -> Now {
        let elapsed_ms = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        Now { clock: SystemClock.now(), elapsed_ms }
    }

    /// Pumps a recovery until the partition is ours; one that stands by hears by `wanted` that it is wanted.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn pump(
        self,
        mut recovery: Recovery,
        mut wanted: oneshot::Receiver<()>,
    ) -> Result<Box<Recovered>, Trouble> {
        let reader = Reader::for_whole_partitions(&self.log)?;
        loop {
            let answer = match recovery.ask(self.now()) {
                Ask::Nothing(recovered) => return Ok(recovered),
                Ask::Ends(places) => ends(&reader, &places).await.map(Answer::Ends),
                Ask::Read(places) => reader
                    .read_to_end(&places, |record| {
                        recovery.record(&record);
                        Ok::<_, ReadError>(())
                    })
                    .await
                    .map(|()| Answer::Read),
                Ask::Append(claim) => {
                    self.producer.append(&claim, self.append_timeout).await?;
                    Ok(Answer::Appended)
                }
                Ask::Wait(ms) => {
                    let pause = tokio::time::sleep(Duration::from_millis(ms.unsigned_abs()));
                    tokio::select! {
                        () = pause => {}
                        Ok(()) = &mut wanted => recovery.want(),
                    }
                    Ok(Answer::Waited)
                }
            };
            match answer {
                Ok(answer) => recovery.answer(answer, self.now())?,
                Err(error) if !error.is_final() && recovery.fail() => {
                    let partition = recovery.partition();
                    tracing::warn!(partition, %error, "following failed; it begins again");
                }
                Err(error) => return Err(error.into()),
            }
            recovery.take_notes().into_iter().for_each(notes::take);
        }
    }
}

async fn ends(reader: &Reader, places: &[(Topic, i32)]) -> Result<Vec<i64>, ReadError> {
    let bounds = places.iter().map(|(topic, partition)| reader.bounds(*topic, *partition));
    Ok(try_join_all(bounds).await?.into_iter().map(|(_, end)| end).collect())
}

//! The value of every log topic, one file each, which also says its topic, key and schemas. The Avro schemas stand in
//! `avro/`, how bytes are made of them in [`crate::codec`]. Fields added later carry a default on both sides, so old
//! bytes stay readable.

pub mod ack;
pub mod dead_letter;
pub mod decision;
pub mod decision_no;
pub mod lifecycle;
pub mod operator;
pub mod sent;
pub mod snapshot;
pub mod state;
pub mod telemetry;

/// Does something for the record of a topic: the one list of what the topics hold.
macro_rules! record_of {
    ($topic:expr, $record:ident => $do:expr) => {
        $crate::records::record_of!(
            $topic, $record => $do;
            Telemetry: $crate::records::telemetry::Telemetry,
            Acks: $crate::records::ack::Ack,
            Operator: $crate::records::operator::OperatorRecord,
            Decisions: $crate::records::decision::LedgerRecord,
            Snapshots: $crate::records::snapshot::SnapshotPart,
            DeviceState: $crate::records::state::DeviceState,
            FeederState: $crate::records::state::FeederState,
            DeadLetters: $crate::records::dead_letter::DeadLetter,
            Sent: $crate::records::sent::Sent,
        )
    };
    ($topic:expr, $record:ident => $do:expr; $($name:ident: $type:ty),+ $(,)?) => {
        match $topic {
            $($crate::topics::Topic::$name => {
                type $record = $type;
                $do
            })+
        }
    };
}
pub(crate) use record_of;

//! Every replica of a campaign as a row of a Parquet file, for those who look at campaigns with tools of their own.
//!
//! The columns are those of [`Replica`], with what is a list there left out or summed: one row for each design and replica,
//! designs in the order in which they were given, replicas in that of their numbers. Times are nanoseconds since the start.

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use seglab_sim::kernel::statistics::Fate;
use seglab_sim::models::{CampaignResult, DesignResult, Flows, Replica, Settled};
use std::sync::Arc;

/// A row that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("replicas cannot be written as Parquet: {0}; please report it")]
pub struct RowsError(#[from] ParquetError);

/// What a row says in one column.
#[derive(Clone, Copy)]
enum Cell {
    Count(fn(&DesignResult, &Replica) -> u64),
    /// Nothing where it did not happen, or there is nothing that it could happen to.
    Time(fn(&Replica) -> Option<u64>),
    Text(for<'r> fn(&'r DesignResult, &'r Replica) -> Option<&'r str>),
}

/// The columns, in their order. A column is never renamed or given another meaning; new ones come last.
const COLUMNS: &[(&str, Cell)] = &[
    ("design", Cell::Text(|design, _| Some(&design.design))),
    ("replica", Cell::Count(|_, replica| replica.number.into())),
    ("foothold", Cell::Text(|_, replica| replica.foothold.as_deref())),
    ("units_owned", Cell::Count(|_, replica| replica.compromised())),
    ("units_quarantined", Cell::Count(|_, replica| replica.course.last().map_or(0, |last| last.quarantined.into()))),
    ("loss", Cell::Count(|design, replica| design.loss_in(replica))),
    ("critical_owned", Cell::Count(|_, replica| events(&replica.critical))),
    ("first_critical_fate", Cell::Text(|_, replica| Some(fate(replica.first_critical()?)))),
    ("first_critical_ns", Cell::Time(|replica| happened(replica.first_critical()?))),
    ("noticed_ns", Cell::Time(|replica| happened(replica.detection))),
    ("alerts_of_denials", Cell::Count(|_, replica| replica.alerts.denials)),
    ("alerts_of_sensor", Cell::Count(|_, replica| replica.alerts.sensor)),
    ("attempts", Cell::Count(|_, replica| replica.attempts.made)),
    ("attempts_denied", Cell::Count(|_, replica| replica.attempts.denied)),
    ("attempts_unknown", Cell::Count(|_, replica| replica.attempts.unknown)),
    ("attempts_aimed", Cell::Count(|_, replica| replica.attempts.aimed)),
    ("attempts_successful", Cell::Count(|_, replica| replica.attempts.successful)),
    ("attempts_stale", Cell::Count(|_, replica| replica.attempts.stale)),
    ("flows", Cell::Count(|_, replica| sum(replica, |flows| flows.tried))),
    ("flows_delivered", Cell::Count(|_, replica| sum(replica, |flows| flows.delivered))),
    ("flows_denied", Cell::Count(|_, replica| sum(replica, |flows| flows.denied))),
    ("flows_stale", Cell::Count(|_, replica| sum(replica, |flows| flows.stale))),
    ("flows_quarantined", Cell::Count(|_, replica| sum(replica, |flows| flows.quarantined))),
    ("flows_upstream", Cell::Count(|_, replica| sum(replica, |flows| flows.upstream))),
    ("flows_queue_full", Cell::Count(|_, replica| sum(replica, |flows| flows.queue_full))),
    ("flows_table_full", Cell::Count(|_, replica| sum(replica, |flows| flows.table_full))),
    ("flows_too_slow", Cell::Count(|_, replica| sum(replica, |flows| flows.too_slow))),
    ("flows_unknown", Cell::Count(|_, replica| sum(replica, |flows| flows.unknown))),
    ("events", Cell::Count(|_, replica| replica.events)),
    ("releases_held_up_ns", Cell::Time(|replica| replica.delays.map(|delays| delays.held_up_ns))),
    ("rules_outlived_ns", Cell::Time(|replica| replica.delays.map(|delays| delays.outlived_ns))),
];

fn sum(replica: &Replica, of: fn(&Flows) -> u64) -> u64 {
    replica.needs.iter().map(of).sum()
}

fn events(settled: &[Settled]) -> u64 {
    settled.iter().filter(|one| one.fate == Fate::Event).count() as u64
}

fn happened(settled: Settled) -> Option<u64> {
    (settled.fate == Fate::Event).then(|| settled.at.as_nanos())
}

fn fate(settled: Settled) -> &'static str {
    match settled.fate {
        Fate::Event => "event",
        Fate::Competitor => "competitor",
        Fate::Censored => "censored",
    }
}

/// The replicas of a campaign as the bytes of a Parquet file: the same for the same campaign.
///
/// # Errors
/// See [`RowsError`].
pub fn replica_rows(result: &CampaignResult) -> Result<Vec<u8>, RowsError> {
    let columns = COLUMNS.iter().map(|(name, cell)| {
        let (physical, converted, repetition) = match cell {
            Cell::Count(_) => (Physical::INT64, ConvertedType::UINT_64, Repetition::REQUIRED),
            Cell::Time(_) => (Physical::INT64, ConvertedType::UINT_64, Repetition::OPTIONAL),
            Cell::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8, Repetition::OPTIONAL),
        };
        let column = Type::primitive_type_builder(name, physical);
        Ok(Arc::new(column.with_converted_type(converted).with_repetition(repetition).build()?))
    });
    let columns = columns.collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Arc::new(Type::group_type_builder("replicas").with_fields(columns).build()?);
    let made_by = format!("seglab {}", env!("CARGO_PKG_VERSION"));
    let properties = WriterProperties::builder().set_created_by(made_by).set_compression(Compression::UNCOMPRESSED);
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build()))?;
    for design in &result.designs {
        let mut group = writer.next_row_group()?;
        for (_, cell) in COLUMNS {
            write_column(&mut group, *cell, design)?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn write_column<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cell: Cell,
    design: &DesignResult,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    // Which rows have something, as definition levels.
    fn split<T>(cells: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
        let cells: Vec<Option<T>> = cells.collect();
        let levels = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
        (cells.into_iter().flatten().collect(), levels)
    }
    let replicas = design.replicas.iter();
    match cell {
        Cell::Count(of) => {
            let values: Vec<i64> = replicas.map(|replica| of(design, replica).cast_signed()).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None)?;
        }
        Cell::Time(of) => {
            let (values, levels) = split(replicas.map(|replica| of(replica).map(u64::cast_signed)));
            column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Cell::Text(of) => {
            let (values, levels) = split(replicas.map(|replica| of(design, replica).map(ByteArray::from)));
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    column.close()
}

//! Processors and their group: who runs, who is paused, who has which partition, and who hears of it when.

use control_instance::{Note as Told, Owners};

use super::World;
use crate::sim::processor::{Note, Processor};
use crate::sim::reference::{Violation, violation};

/// A member of the group that is not heard for so long loses its partitions.
const SESSION_MS: i64 = 6_000;

/// A process that runs, is paused or is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It stands still until then, and does not know it.
    Paused {
        /// When it goes on.
        until: i64,
        /// Since when.
        since: i64,
    },
    /// It is gone and starts anew then.
    Down {
        /// When.
        until: i64,
    },
}

/// A processor and its life.
#[derive(Debug)]
pub struct Process {
    /// The processor.
    pub processor: Processor,
    /// Its life.
    pub life: Life,
    /// Until then the group's word has not reached it.
    pub deaf_until: i64,
    pub(super) starts: u64,
}

impl World {
    /// The group gives every partition to one that lives, and tells whoever hears it.
    pub(super) fn assign(&mut self) {
        let now = self.now;
        self.mistakes.retain(|_, until| *until > now);
        let lives: Vec<usize> = (0..self.processes.len())
            .filter(|index| match self.processes[*index].life {
                Life::Running => true,
                Life::Paused { since, .. } => now - since < SESSION_MS,
                Life::Down { .. } => false,
            })
            .collect();
        for partition in 0..self.partitions {
            let holder = self.assigned.get(&partition).copied();
            if holder.is_some_and(|holder| lives.contains(&holder)) {
                continue;
            }
            let place = usize::try_from(partition).expect("few");
            match lives.get(place % lives.len().max(1)) {
                Some(next) => self.assigned.insert(partition, *next),
                None => self.assigned.remove(&partition),
            };
        }
        for (index, process) in self.processes.iter_mut().enumerate() {
            if process.life != Life::Running || process.deaf_until > now || !self.log_up {
                continue;
            }
            if self.fixed {
                process.processor.want(&(0..self.partitions).collect(), Owners::Fixed);
                continue;
            }
            let assigned = self.assigned.iter().filter(|(_, holder)| **holder == index);
            let mistaken = self.mistakes.keys().filter(|(_, holder)| *holder == index);
            let wanted = assigned.map(|(partition, _)| *partition);
            let wanted = wanted.chain(mistaken.map(|(partition, _)| *partition)).collect();
            process.processor.want(&wanted, Owners::Group);
        }
    }

    pub(super) fn turn_processors(&mut self) -> Result<(), Violation> {
        for index in 0..self.processes.len() {
            self.wake(index);
            let process = &mut self.processes[index];
            if process.life != Life::Running {
                continue;
            }
            let mut notes = Vec::new();
            let log = self.log_up.then_some(&self.log);
            process.processor.turn(self.now, log, &mut notes);
            for note in notes {
                self.on_note(index, note)?;
            }
        }
        Ok(())
    }

    fn wake(&mut self, index: usize) {
        let (now, rng) = (self.now, &mut self.rng);
        let process = &mut self.processes[index];
        match process.life {
            Life::Paused { until, .. } if until <= now => {
                process.life = Life::Running;
                process.deaf_until = now + rng.between(0, 3_000);
            }
            Life::Down { until } if until <= now => {
                process.life = Life::Running;
                process.starts += 1;
                let rng = rng.fork(&format!("start {index} {}", process.starts));
                // What the dead one had on the wire may still arrive: it lives on behind the new one's back.
                process.processor.reborn(process.starts, rng);
            }
            Life::Running | Life::Paused { .. } | Life::Down { .. } => {}
        }
    }

    fn on_note(&mut self, index: usize, note: Note) -> Result<(), Violation> {
        let now = self.now;
        match note {
            Note::Told(told) => self.on_told(index, told)?,
            Note::Snapshot(parts) => self.reference.check_snapshot(&parts)?,
            Note::Crashed(cut) => {
                self.trace.note(now, format_args!("processor {index} dies: {cut:?}"));
                let until = now + self.rng.between(500, 20_000);
                self.kill(index, until);
            }
            Note::Decided { root, no } => {
                self.trace.note(now, format_args!("processor {index} decides {root} {no}"));
            }
        }
        Ok(())
    }

    fn on_told(&mut self, index: usize, told: Told) -> Result<(), Violation> {
        match told {
            Told::Differs { difference, .. } => {
                return Err(violation("G15 replay is byte-identical", difference));
            }
            Told::Unreadable { topic, why, .. } => {
                let what = format!("{}: {why}", topic.suffix());
                return Err(violation("every record can be read", what));
            }
            Told::Recovered { partition, epoch, replayed, .. } => {
                self.counts.recoveries += 1;
                self.trace.note(
                    self.now,
                    format_args!("processor {index} owns {partition} in epoch {epoch}: {replayed}"),
                );
            }
            Told::Replayed(decisions) => self.counts.replayed += decisions,
            Told::Lost { partition, .. } => {
                self.counts.fenced += 1;
                self.trace.note(self.now, format_args!("processor {index} lost {partition}"));
            }
            Told::Doubted { partition, why, .. } => {
                self.counts.doubted += 1;
                self.trace
                    .note(self.now, format_args!("processor {index} doubts {partition}: {why}"));
            }
            Told::Void { .. } => {}
        }
        Ok(())
    }

    /// Kills a processor until then.
    pub fn kill(&mut self, index: usize, until: i64) {
        self.counts.crashes += 1;
        let process = &mut self.processes[index];
        process.processor.die();
        process.processor.cut = None;
        process.life = Life::Down { until };
    }

    /// Stops a processor until then; what it has on the wire may be held up with it.
    pub fn pause(&mut self, index: usize, until: i64, with_wire: bool) {
        self.counts.pauses += 1;
        let since = self.now;
        let process = &mut self.processes[index];
        process.life = Life::Paused { until, since };
        if with_wire {
            process.processor.stall(until);
        }
    }
}

//! A world in simulated time around one part's care: a part that starts or does not, dies, hangs, answers badly or
//! late, in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    ask_every: Duration::from_secs(5),
    answer_max: Duration::from_secs(5),
    misses_max: 3,
    start_max: Duration::from_secs(60),
    stop_max: Duration::from_secs(4),
    rest_min: Duration::from_millis(100),
    rest_max: Duration::from_secs(10),
    failures_max: 8,
    within: Duration::from_secs(600),
};

/// How one life of a part goes.
#[derive(Debug, Clone, Copy)]
enum Nature {
    /// Never says that it has started.
    NeverStarts,
    /// Starts after this, and answers every question after that.
    Works { start_ms: u64, answer_ms: u64 },
    /// Starts, and dies after this.
    Dies { start_ms: u64, after_ms: u64 },
    /// Starts, answers for so long, then no more.
    Hangs { start_ms: u64, after_ms: u64 },
    /// Starts, and answers badly after so long.
    Fails { start_ms: u64, after_ms: u64 },
}

/// Whether it ends when it is told to, and after how long.
type Ending = Option<u64>;

fn nature() -> impl Strategy<Value = Nature> {
    let (start, time) = (0_u64..5_000, 0_u64..200_000);
    prop_oneof![
        Just(Nature::NeverStarts),
        (start.clone(), 0_u64..20_000)
            .prop_map(|(start_ms, answer_ms)| Nature::Works { start_ms, answer_ms }),
        (start.clone(), time.clone())
            .prop_map(|(start_ms, after_ms)| Nature::Dies { start_ms, after_ms }),
        (start.clone(), time.clone())
            .prop_map(|(start_ms, after_ms)| Nature::Hangs { start_ms, after_ms }),
        (start, time).prop_map(|(start_ms, after_ms)| Nature::Fails { start_ms, after_ms }),
    ]
}

struct World {
    care: Care,
    natures: Vec<(Nature, Ending)>,
    now: Instant,
    /// What will be told, by when; the number keeps equal moments apart.
    coming: BTreeMap<(Instant, u64), (u64, Event)>,
    told: u64,
    began: Instant,
    /// Lives that run, and those that were told to stop and left behind.
    running: Option<u64>,
    orders: Vec<(Instant, Order)>,
}

impl World {
    fn new(natures: Vec<(Nature, Ending)>) -> Self {
        let now = Instant::now();
        Self {
            care: Care::new(RULES, now),
            natures,
            now,
            coming: BTreeMap::new(),
            told: 0,
            began: now,
            running: None,
            orders: Vec::new(),
        }
    }

    fn tell(&mut self, after_ms: u64, life: u64, event: Event) {
        self.told += 1;
        self.coming.insert((self.now + Duration::from_millis(after_ms), self.told), (life, event));
    }

    fn nature(&self, life: u64) -> (Nature, Ending) {
        self.natures[usize::try_from(life).expect("small") % self.natures.len()]
    }

    fn obey(&mut self, order: Order) {
        self.orders.push((self.now, order));
        match order {
            Order::Start(life) => {
                assert_eq!(self.running, None, "two lives at once");
                self.running = Some(life);
                self.began = self.now;
                let (Nature::Works { start_ms, .. }
                | Nature::Dies { start_ms, .. }
                | Nature::Hangs { start_ms, .. }
                | Nature::Fails { start_ms, .. }) = self.nature(life).0
                else {
                    return;
                };
                self.tell(start_ms, life, Event::Started);
                if let Nature::Dies { after_ms, .. } = self.nature(life).0 {
                    self.tell(start_ms + after_ms, life, Event::Ended("died".to_owned()));
                }
            }
            Order::Ask(question) => {
                let life = self.running.expect("only what runs is asked");
                let lived =
                    u64::try_from(self.now.duration_since(self.began).as_millis()).expect("small");
                match self.nature(life).0 {
                    Nature::Works { answer_ms, .. } => {
                        self.tell(answer_ms, life, Event::Answered(question));
                    }
                    Nature::Fails { after_ms, .. } if lived > after_ms => {
                        self.tell(10, life, Event::Missed(question, "badly".to_owned()));
                    }
                    Nature::Hangs { after_ms, .. } if lived > after_ms => {}
                    _ => self.tell(10, life, Event::Answered(question)),
                }
            }
            Order::Stop => {
                let life = self.running.expect("only what runs is stopped");
                if let Some(after_ms) = self.nature(life).1 {
                    self.tell(after_ms, life, Event::Ended("told to".to_owned()));
                }
            }
            Order::Abandon => self.running = None,
            Order::GiveUp => {}
        }
    }

    /// Lives on for so long.
    fn live(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            while let Some(order) = self.care.next(self.now) {
                self.obey(order);
            }
            let told = self.coming.keys().next().map(|(at, _)| *at);
            let next = [told, self.care.wakes_at()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else { break };
            assert!(next > self.now || told == Some(next), "it wakes for nothing");
            self.now = next;
            while let Some(entry) = self.coming.first_entry()
                && entry.key().0 <= self.now
            {
                let (life, event) = entry.remove();
                if matches!(event, Event::Ended(_)) && self.running == Some(life) {
                    self.running = None;
                }
                self.care.heard(life, event, self.now);
            }
        }
        self.now = end;
    }

    fn gave_up(&self) -> bool {
        self.orders.iter().any(|(_, order)| *order == Order::GiveUp)
    }
}

/// The longest that a part may be useless: it hangs right after an answer, is asked three times in vain, does not end,
/// and rests.
fn useless_max() -> Duration {
    (RULES.ask_every + RULES.answer_max) * (RULES.misses_max + 1)
        + RULES.stop_max
        + RULES.rest_max
        + RULES.start_max
}

proptest! {
    #[test]
    fn nothing_stays_up_half_dead(
        natures in prop::collection::vec((nature(), prop::option::of(0_u64..10_000)), 1..12),
    ) {
        let mut world = World::new(natures);
        world.live(Duration::from_secs(3_600));
        // From any start on, within a bound: it works, or the next start or the end has come.
        let starts: Vec<_> = world.orders.iter().filter_map(|(at, order)| match order {
            Order::Start(life) => Some((*at, *life)),
            _ => None,
        }).collect();
        for (at, life) in &starts {
            let useless_after = match world.nature(*life).0 {
                Nature::NeverStarts => 0,
                Nature::Works { start_ms, answer_ms }
                    if Duration::from_millis(answer_ms) < RULES.answer_max => { let _ = start_ms; continue }
                Nature::Works { start_ms, .. } => start_ms,
                Nature::Dies { start_ms, after_ms }
                | Nature::Hangs { start_ms, after_ms }
                | Nature::Fails { start_ms, after_ms } => start_ms + after_ms,
            };
            let due = *at + Duration::from_millis(useless_after) + useless_max();
            if due > world.now {
                continue;
            }
            let acted = world.orders.iter().any(|(when, order)| {
                when > at && *when <= due && matches!(order, Order::Start(_) | Order::GiveUp)
            });
            prop_assert!(acted, "life {life} was useless and nobody did anything: {:?}", world.orders);
        }
        // Given up is the last word.
        if world.gave_up() {
            prop_assert_eq!(world.orders.last().map(|(_, order)| *order), Some(Order::GiveUp));
        }
    }

    #[test]
    fn what_answers_in_time_is_left_alone(
        start_ms in 0_u64..59_000,
        answer_ms in 0_u64..4_999,
    ) {
        let mut world = World::new(vec![(Nature::Works { start_ms, answer_ms }, Some(0))]);
        world.live(Duration::from_secs(3_600));
        let disturbed = world.orders.iter().filter(|(_, order)| !matches!(order, Order::Ask(_)));
        prop_assert_eq!(disturbed.count(), 1, "one start");
        prop_assert_eq!(world.care.condition(), Condition::Well);
    }

    #[test]
    fn what_fails_for_ever_is_given_up_and_what_fails_seldom_is_not(
        natures in prop::collection::vec(
            (10_000_u64..50_000).prop_map(|after_ms| (Nature::Dies { start_ms: 10, after_ms }, Some(0))),
            1..5,
        ),
    ) {
        let mut world = World::new(natures);
        world.live(Duration::from_secs(3_600));
        prop_assert!(world.gave_up());
        let starts = world.orders.iter().filter(|(_, order)| matches!(order, Order::Start(_)));
        prop_assert_eq!(starts.count(), RULES.failures_max);
        // Once in two minutes is five times in ten: it is started again each time, for ever.
        let seldom = vec![(Nature::Dies { start_ms: 10, after_ms: 120_000 }, Some(0))];
        let mut world = World::new(seldom);
        world.live(Duration::from_secs(24 * 3_600));
        prop_assert!(!world.gave_up());
    }
}

#[test]
fn what_never_worked_is_given_up_at_its_first_failure() {
    let dies = Nature::Dies { start_ms: 10, after_ms: 100 };
    for nature in [Nature::NeverStarts, dies] {
        let mut world = World::new(vec![(nature, Some(0))]);
        world.live(Duration::from_secs(600));
        assert!(world.gave_up(), "{nature:?}");
        let starts = world.orders.iter().filter(|(_, order)| matches!(order, Order::Start(_)));
        assert_eq!(starts.count(), 1, "{nature:?}");
    }
}

#[test]
fn with_an_excuse_it_is_neither_ended_for_bad_answers_nor_ever_given_up() {
    let fails = Nature::Fails { start_ms: 10, after_ms: 20_000 };
    let mut world = World::new(vec![(fails, Some(0))]);
    world.live(Duration::from_secs(15));
    world.care.excuse(true);
    world.live(Duration::from_secs(3_600));
    assert!(!world.orders.iter().any(|(_, order)| *order == Order::Stop), "{:?}", world.orders);
    assert_eq!(world.care.condition(), Condition::Silent);
    let dies = Nature::Dies { start_ms: 10, after_ms: 20_000 };
    let mut world = World::new(vec![(dies, Some(0))]);
    world.live(Duration::from_secs(15));
    world.care.excuse(true);
    world.live(Duration::from_secs(3_600));
    assert!(!world.gave_up() && world.orders.len() > 100);
    // The excuse is over: what still fails is given up after its failures.
    world.care.excuse(false);
    world.live(Duration::from_secs(3_600));
    assert!(world.gave_up());
}

//! What happened and why, over ClickHouse's own engine: decisions, commands, alarms and changes of rows that the test wrote.

mod world;

use derms_api::store::history::audit::AuditAsked;
use derms_api::store::history::commands::{CommandsAsked, Followed};
use derms_api::store::history::decisions::{
    BoundRow, DecisionDevices, DecisionsAsked, DevicesAsked, Explained,
};
use derms_api::store::history::past::Asked;
use schemas::{FeederId, Timestamp};
use uuid::Uuid;
use world::engine::{Engine, HOUR_MS, device, feeder, start};

/// Three decisions, 10 s apart, of a tree of f1 and f2 below it, over one device at each: f1 binds both, f1 is 5 kW over its
/// limit. Each sends ev-1 a setpoint of 3 kW, which goes out
/// after 10 ms, and which it takes, applies and is seen at after 1, 2 and 3 s.
async fn past(engine: &Engine, from: Timestamp) {
    let id = |kind: u8| {
        format!("toUUID(concat('00000000-0000-4000-8000-0000000000{kind}', toString(number + 1)))")
    };
    let at = format!("fromUnixTimestamp64Milli({} + number * 10000, 'UTC')", from.0);
    let later = |seconds: u8| format!("{at} + INTERVAL {seconds} SECOND");
    let tail = "'0197', 0, number FROM numbers(3)";
    let decision = |feeder: &str, parent: &str, binding: &str| {
        format!(
            "INSERT INTO decisions (decision_id, root, epoch, seq, writer, at, trigger, window_start, window_end, policy, certified, findings, feeder_id, parent_id, mode, import_limit_w, limit_w, margin_w, load_w, controlled_w, uncontrolled_w, reserved_w, headroom_w, allocated_w, unmet_w, curtailed_w, binding, rung, device_count, fresh_count, stale_count, position_acks, position_operator, position_telemetry, log_id, log_partition, log_offset)
             SELECT {}, 'f1', 1, number, generateUUIDv4(), {at}, 'WINDOW', {at} - INTERVAL 10 SECOND, {at}, 'water-fill', true, [], '{feeder}', {parent}, 'AUTOMATIC', 10000, 10000, 100, 15000, 15000, 0, 0, -5000, 6000, 0, 8000, '{binding}', 'TRIM', 2, 2, 0, 0, 0, 0, {tail}",
            id(1)
        )
    };
    let device = |device: &str, feeder: &str| {
        format!(
            "INSERT INTO decision_devices (decision_id, root, epoch, seq, at, device_id, feeder_id, device_type, power_w, freshness, sample_age_ms, wanted_w, share_w, setpoint_w, emit, ttl_ms, fallback_w, weight_milli, deficit_wh, reason, bound_by, marginal_w, compliant, typed_layout, width_ms, log_id, log_partition, log_offset)
             SELECT {}, 'f1', 1, number, {at}, '{device}', '{feeder}', 'EV', 3000, 'FRESH', 400, 7000, 3000, 3000, 'CHANGE', 30000, 0, 1000, 0, 'FAIR_SHARE', 'f1', 500, true, false, 10000, {tail}",
            id(1)
        )
    };
    let ack = |status: &str, seconds: u8| {
        format!(
            "INSERT INTO acks (message_id, device_id, feeder_id, ts, arrival, status, setpoint_id, log_id, log_partition, log_offset)
             SELECT generateUUIDv4(), 'ev-1', 'f1', {0}, {0}, '{status}', {1}, {tail}",
            later(seconds),
            id(2)
        )
    };
    let sent = |ms: u16, acked_ms: u16| {
        format!(
            "INSERT INTO sent (setpoint_id, decision_id, root, epoch, seq, device_id, feeder_id, decided_at, sent_at, broker_acked_at, log_id, log_partition, log_offset)
             SELECT {}, {}, 'f1', 1, number, 'ev-1', 'f1', {at}, {at} + INTERVAL {ms} MILLISECOND, {at} + INTERVAL {acked_ms} MILLISECOND, {tail}",
            id(2),
            id(1)
        )
    };
    let all = [
        decision("f1", "NULL", "IMPORT_LIMIT"),
        decision("f2", "'f1'", "ANCESTOR"),
        device("ev-1", "f1"),
        device("ev-2", "f2"),
        format!(
            "INSERT INTO setpoints (setpoint_id, decision_id, device_id, feeder_id, setpoint_w, fallback_w, emit, decided_at, valid_until, epoch, seq, reason, log_id, log_partition, log_offset)
             SELECT {}, {}, 'ev-1', 'f1', 3000, 0, 'CHANGE', {at}, {}, 1, number, 'FAIR_SHARE', {tail}",
            id(2),
            id(1),
            later(30)
        ),
        // The second time it was sent after a crash.
        sent(10, 15),
        sent(900, 905),
        ack("ACCEPTED", 1),
        ack("APPLIED", 2),
        format!(
            "INSERT INTO telemetry (message_id, device_id, device_type, origin, feeder_id, ts, arrival, power_w, online, source, layout, unknown_fields, log_id, log_partition, log_offset)
             SELECT generateUUIDv4(), 'ev-1', 'EV', 'SIMULATED', 'f1', {0}, {0}, 3100, true, 'test', 'FLAT', 0, {tail}",
            later(3)
        ),
        format!(
            "INSERT INTO decision_alarms (decision_id, root, at, code, severity, feeder_id, device_id, message, log_id, log_partition, log_offset)
             SELECT {}, 'f1', {at}, 'CTL-001', 'CRITICAL', 'f1', NULL, 'over', {tail}",
            id(1)
        ),
        format!(
            "INSERT INTO operator_log (id, at, actor, kind, entity, body, source, log_id, log_partition, log_offset)
             SELECT {}, {at}, 'ada', 'FeederChange', 'f1', concat('{{\"feeder_id\":\"f1\",\"import_limit_w\":', toString(number), '}}'), '192.0.2.7', {tail}",
            id(3)
        ),
        format!(
            "INSERT INTO dead_letters (at, source, reason, detail, device_id, raw, raw_len, log_partition, log_offset, log_id)
             SELECT {at}, 'der/telemetry/x', 'not_json', 'cut off', 'ev-9', concat('{{', char(255)), 2, 0, number, '0197' FROM numbers(3)"
        ),
    ];
    for statement in all {
        engine.run("derms", &statement).await;
    }
}

#[tokio::test]
async fn decisions_and_commands_of_the_past_are_told_in_pages() {
    let engine = Engine::start().await;
    let from = start();
    past(&engine, from).await;
    let history = engine.history();
    let to = from.plus_ms(60_000);
    let asked = DecisionsAsked { from, to, before: None, most: 2 };
    let page = history.decisions(&feeder(), &asked).await.expect("an answer");
    let seqs: Vec<i64> = page.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [2, 1]);
    let before = page.last().map(|row| (row.at_ms, row.epoch, row.seq));
    let asked = DecisionsAsked { before, ..asked };
    let rest = history.decisions(&feeder(), &asked).await.expect("an answer");
    assert_eq!(rest.iter().map(|row| row.seq).collect::<Vec<_>>(), [0]);
    assert_eq!(history.count_decisions(&feeder(), from, to).await, Ok(3));

    // Wherever it stands now.
    let elsewhere = FeederId::new("f9").expect("an id");
    for stands_on in [None, Some(&feeder()), Some(&elsewhere)] {
        let of = async |at: Timestamp| {
            let explained = history.explained(&device(), stands_on, at).await;
            explained.expect("an answer").map(|one| one.device.at_ms)
        };
        assert_eq!(of(to).await, Some(from.0 + 20_000), "{stands_on:?}");
        assert_eq!(of(from.plus_ms(5_000)).await, Some(from.0), "{stands_on:?}");
        assert_eq!(of(from.plus_ms(500_000)).await, Some(from.0 + 20_000), "{stands_on:?}");
        assert_eq!(of(from.plus_ms(620_000)).await, None, "{stands_on:?}");
    }
    // The next decision is being stored: rows of its devices are there before its own.
    let begun = format!(
        "INSERT INTO decision_devices SELECT * REPLACE (generateUUIDv4() AS decision_id, at + INTERVAL 10 SECOND AS at, seq + 1 AS seq)
         FROM decision_devices WHERE decision_devices.at = fromUnixTimestamp64Milli({})",
        from.0 + 20_000
    );
    engine.run("derms", &begun).await;
    let explained = history.explained(&device(), Some(&feeder()), to).await;
    let Explained { device: newest, decision, bound } =
        explained.expect("an answer").expect("the one before");
    assert_eq!((newest.at_ms, newest.reason.as_str()), (from.0 + 20_000, "FAIR_SHARE"));
    assert_eq!((decision.decision_id, decision.feeder_id.as_str()), (newest.decision_id, "f1"));
    let expected = BoundRow { limit_w: 10_000, binding: "IMPORT_LIMIT".to_owned(), shared_by: 2 };
    assert_eq!(bound, Some(expected));
    let made = Timestamp(newest.at_ms);
    let root = history.decision(newest.decision_id, None).await.expect("an answer");
    assert_eq!(root.expect("stored").feeder_id, "f1");
    let below = FeederId::new("f2").expect("an id");
    let child = history.decision(newest.decision_id, Some(&below)).await.expect("an answer");
    assert_eq!(child.expect("stored").binding, "ANCESTOR");
    let trees = history.decision_trees(&[(newest.decision_id, made)], 10).await.expect("an answer");
    let hung: Vec<_> = trees[&newest.decision_id]
        .iter()
        .map(|row| (row.feeder_id.as_str(), row.parent_id.as_deref()))
        .collect();
    assert_eq!(hung, [("f1", None), ("f2", Some("f1"))]);
    for (tree, devices) in [(vec![], vec!["ev-1", "ev-2"]), (vec!["f2".to_owned()], vec!["ev-2"])] {
        let asked = DevicesAsked { tree, after: String::new(), most: 10 };
        let decisions = [(newest.decision_id, made), (Uuid::from_u128(7), made)];
        let all = history.decision_devices(&decisions, &asked).await.expect("an answer");
        let found = &all[&newest.decision_id];
        let ids: Vec<&str> = found.rows.iter().map(|row| row.device_id.as_str()).collect();
        assert_eq!((ids, found.total), (devices.clone(), devices.len() as u64));
        assert_eq!(all[&Uuid::from_u128(7)], DecisionDevices::default());
    }

    let asked = CommandsAsked {
        device_id: Some(device()),
        tree: vec!["f1".to_owned()],
        from,
        to,
        before: None,
        most: 10,
    };
    let commands = history.commands(&asked).await.expect("an answer");
    assert_eq!(history.count_commands(&asked).await, Ok(3));
    assert_eq!(commands.len(), 3);
    let followed = history.followed(&commands).await.expect("an answer");
    for command in &commands {
        let decided = command.decided_ms;
        assert_eq!(
            followed.get(&command.setpoint_id),
            Some(&Followed {
                sent_ms: Some(decided + 10),
                acked_ms: Some(decided + 1_000),
                applied_ms: Some(decided + 2_000),
                ended: None,
                reason: None,
                observed_ms: Some(decided + 3_000),
            })
        );
    }
}

#[tokio::test]
async fn what_went_wrong_who_gave_and_who_changed_what_is_told() {
    let engine = Engine::start().await;
    let from = start();
    past(&engine, from).await;
    let history = engine.history();
    let to = from.plus_ms(HOUR_MS);
    let tree = vec!["f1".to_owned(), "f2".to_owned()];
    let asked = Asked { tree: tree.clone(), from, to, skip: 0, most: 10 };

    let alarms = history.alarms(&asked).await.expect("an answer");
    let alarm = (alarms.len(), alarms[0].from_ms, alarms[0].code.as_str());
    assert_eq!(alarm, (1, from.0, "CTL-001"));
    let violations = history.violations(&asked).await.expect("an answer");
    let of_root: Vec<_> = violations.iter().filter(|row| row.feeder_id == "f1").collect();
    assert_eq!((of_root.len(), of_root[0].worst_kw), (1, 5.0));
    assert!(of_root[0].kwh > 0.0, "{of_root:?}");

    let fair = history.fairness(&tree, from, to).await.expect("an answer");
    let names: Vec<&str> = fair.iter().map(|row| row.device_id.as_str()).collect();
    assert_eq!(names, ["ev-1", "ev-2"]);
    // 7 kW wanted and 4 kW of it not given, three times for 10 s.
    assert!((fair[0].wanted_kwh - 7.0 * 30.0 / 3_600.0).abs() < 1e-6, "{fair:?}");
    assert!((fair[0].curtailed_kwh - 4.0 * 30.0 / 3_600.0).abs() < 1e-6, "{fair:?}");

    let letters = history.dead_letters(from, to).await.expect("an answer");
    let letter = (letters.len(), letters[0].count, letters[0].detail.as_str());
    assert_eq!(letter, (1, 3, "cut off"));
    assert!(letters[0].sample.starts_with('{'), "{letters:?}");

    let asked = AuditAsked {
        actor: Some("ada".to_owned()),
        entity: Some("f1".to_owned()),
        from,
        to,
        before: None,
        most: 2,
    };
    let entries = history.audit(&asked).await.expect("an answer");
    assert_eq!(history.count_audit(&asked).await, Ok(3));
    let told: Vec<(Option<&str>, &str, Option<&str>)> = entries
        .iter()
        .map(|entry| (entry.before.as_deref(), entry.after.as_str(), entry.source.as_deref()))
        .collect();
    let limit = |watts: i64| format!("{{\"feeder_id\":\"f1\",\"import_limit_w\":{watts}}}");
    let (zero, one, two) = (limit(0), limit(1), limit(2));
    let source = Some("192.0.2.7");
    assert_eq!(
        told,
        [(Some(one.as_str()), two.as_str(), source), (Some(zero.as_str()), one.as_str(), source)]
    );
}

/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  query Me {\n    me {\n      name\n      role\n    }\n  }\n": typeof types.MeDocument,
    "\n  fragment AuditEntry on AuditEntry {\n    id\n    at\n    actor\n    source\n    kind\n    entity\n    before\n    after\n  }\n": typeof types.AuditEntryFragmentDoc,
    "\n  query Audit($from: DateTime, $to: DateTime, $actor: String, $entity: ID, $first: Int!, $after: String) {\n    audit(from: $from, to: $to, actor: $actor, entity: $entity, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...AuditEntry\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": typeof types.AuditDocument,
    "\n  fragment Program on DrProgram {\n    id\n    name\n    mode\n    feederIds\n    start\n    end\n    targetShedKw\n    incentivePerKwh\n    penaltyPerKwh\n    active\n    impact {\n      at\n      availableBeforeKw\n      availableAfterKw\n      shedKw\n    }\n  }\n": typeof types.ProgramFragmentDoc,
    "\n  query DemandResponse {\n    events(includePast: true) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n    drPrograms {\n      id\n      ...Program\n    }\n  }\n": typeof types.DemandResponseDocument,
    "\n  mutation CreateProgram($input: DrProgramInput!) {\n    createDrProgram(input: $input) {\n      id\n      ...Program\n    }\n  }\n": typeof types.CreateProgramDocument,
    "\n  mutation UpdateProgram($id: ID!, $input: DrProgramPatch!) {\n    updateDrProgram(id: $id, input: $input) {\n      id\n      ...Program\n    }\n  }\n": typeof types.UpdateProgramDocument,
    "\n  mutation SetProgramActive($id: ID!, $active: Boolean!) {\n    setDrProgramActive(id: $id, active: $active) {\n      id\n      ...Program\n    }\n  }\n": typeof types.SetProgramActiveDocument,
    "\n  mutation DeleteProgram($id: ID!) {\n    deleteDrProgram(id: $id)\n  }\n": typeof types.DeleteProgramDocument,
    "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n    fallbackKw\n    override {\n      powerKw\n      until\n    }\n    notices {\n      kind\n      detail\n    }\n  }\n": typeof types.DeviceFactsFragmentDoc,
    "\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.DeviceDocument,
    "\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.DeviceUpdateDocument,
    "\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n": typeof types.DeviceTelemetryDocument,
    "\n  fragment Explanation on Explanation {\n    deviceId\n    at\n    sentence\n    boundFeederId\n    boundLimitKw\n    sharedWith\n    decision {\n      ...DecisionFacts\n    }\n    device {\n      wantedKw\n      shareKw\n      setpointKw\n      weight\n      deficitKwh\n      reason\n      bindingConstraint\n      marginal\n      sampleAgeMs\n    }\n  }\n": typeof types.ExplanationFragmentDoc,
    "\n  query Explain($id: ID!, $at: DateTime) {\n    explain(deviceId: $id, at: $at) {\n      ...Explanation\n    }\n  }\n": typeof types.ExplainDocument,
    "\n  fragment Command on Command {\n    id\n    decisionId\n    setpointKw\n    validUntil\n    stage\n    decidedAt\n    sentAt\n    ackedAt\n    appliedAt\n    observedAt\n    reason\n  }\n": typeof types.CommandFragmentDoc,
    "\n  query DeviceCommands($id: ID!, $first: Int!, $after: String) {\n    commands(deviceId: $id, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...Command\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": typeof types.DeviceCommandsDocument,
    "\n  mutation SetDevice($input: DeviceInput!) {\n    setDevice(input: $input) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.SetDeviceDocument,
    "\n  mutation OverrideSetpoint($deviceId: ID!, $powerKw: Float!, $forSeconds: Int!) {\n    overrideSetpoint(deviceId: $deviceId, powerKw: $powerKw, forSeconds: $forSeconds) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.OverrideSetpointDocument,
    "\n  mutation ClearOverride($deviceId: ID!) {\n    clearOverride(deviceId: $deviceId) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.ClearOverrideDocument,
    "\n  mutation RetireDevice($id: ID!) {\n    retireDevice(id: $id)\n  }\n": typeof types.RetireDeviceDocument,
    "\n  query Replacements($type: DeviceType!, $search: String) {\n    devices(type: $type, search: $search, first: 50) {\n      edges {\n        node {\n          id\n          feederId\n        }\n      }\n    }\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          type\n        }\n      }\n    }\n  }\n": typeof types.ReplacementsDocument,
    "\n  mutation ReplaceDevice($id: ID!, $by: ID!) {\n    replaceDevice(id: $id, by: $by) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.ReplaceDeviceDocument,
    "\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": typeof types.DeviceRowFragmentDoc,
    "\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": typeof types.DevicesPageDocument,
    "\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n": typeof types.DeviceUpdatesDocument,
    "\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": typeof types.DeviceFeedersDocument,
    "\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n": typeof types.SetDeviceRowDocument,
    "\n  query CurtailedPage($feederId: ID!, $after: String) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          devices(first: 500, after: $after) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n          }\n        }\n      }\n    }\n  }\n": typeof types.CurtailedPageDocument,
    "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n": typeof types.FeederMarksDocument,
    "\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n": typeof types.NewestDecisionDocument,
    "\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n": typeof types.DecisionMadeDocument,
    "\n  query FeederPrograms {\n    drPrograms {\n      id\n      name\n      mode\n      feederIds\n      start\n      end\n      targetShedKw\n      active\n      impact {\n        at\n        shedKw\n      }\n    }\n  }\n": typeof types.FeederProgramsDocument,
    "\n  query Policies {\n    policies\n  }\n": typeof types.PoliciesDocument,
    "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.SetFeederDocument,
    "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.ResumeControlDocument,
    "\n  fragment ServicePart on Part {\n    ok\n    detail\n    since\n  }\n": typeof types.ServicePartFragmentDoc,
    "\n  query HealthPage {\n    health {\n      status\n      version\n      control {\n        ...ServicePart\n      }\n      mqtt {\n        ...ServicePart\n      }\n      log {\n        ...ServicePart\n      }\n      clickhouse {\n        ...ServicePart\n      }\n    }\n  }\n": typeof types.HealthPageDocument,
    "\n  fragment DeadLetter on DeadLetterReason {\n    reason\n    count\n    lastAt\n    detail\n    sample\n    deviceId\n  }\n": typeof types.DeadLetterFragmentDoc,
    "\n  query DeadLetters($from: DateTime!, $to: DateTime!) {\n    deadLetters(from: $from, to: $to) {\n      ...DeadLetter\n    }\n  }\n": typeof types.DeadLettersDocument,
    "\n  mutation SetSimulationMode($mode: SimulationMode!) {\n    setSimulationMode(mode: $mode) {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n": typeof types.SetSimulationModeDocument,
    "\n  fragment Waiting on WaitingDevice {\n    id\n    type\n    origin\n    feederId\n    siteId\n    reason\n    since\n    notices {\n      kind\n      detail\n    }\n  }\n": typeof types.WaitingFragmentDoc,
    "\n  query WaitingDevices {\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          ...Waiting\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.WaitingDevicesDocument,
    "\n  query NoticedDevices {\n    noticedDevices(first: 100) {\n      edges {\n        node {\n          id\n          notices {\n            kind\n            detail\n          }\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.NoticedDevicesDocument,
    "\n  mutation ApproveDevice($id: ID!, $feederId: ID, $type: DeviceType) {\n    approveDevice(id: $id, feederId: $feederId, type: $type) {\n      id\n      feederId\n    }\n  }\n": typeof types.ApproveDeviceDocument,
    "\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n": typeof types.SystemHealthDocument,
    "\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n": typeof types.HealthPartFragmentDoc,
    "\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n": typeof types.DeviceCountsDocument,
    "\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n": typeof types.TrackingErrorsDocument,
    "\n  query ReplayFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": typeof types.ReplayFeedersDocument,
    "\n  query ReplaySteps($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          ...DecisionFacts\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.ReplayStepsDocument,
    "\n  query ReplayMoment($id: ID!) {\n    decision(id: $id) {\n      id\n      at\n      tree {\n        id\n        ...DecisionFacts\n      }\n      devices(first: 500) {\n        edges {\n          node {\n            ...DecisionDeviceRow\n          }\n        }\n        totalCount\n      }\n    }\n  }\n": typeof types.ReplayMomentDocument,
    "\n  query ReplayWhy($deviceId: ID!, $at: DateTime!) {\n    explain(deviceId: $deviceId, at: $at) {\n      sentence\n    }\n  }\n": typeof types.ReplayWhyDocument,
    "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n": typeof types.FeederIdsDocument,
    "\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.ViolationsDocument,
    "\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.AlarmHistoryDocument,
    "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n": typeof types.DecisionDeviceRowFragmentDoc,
    "\n  fragment DecisionFacts on Decision {\n    id\n    feederId\n    rootId\n    parentId\n    at\n    trigger\n    policy\n    mode\n    shadow\n    degraded\n    stopped\n    limitKw\n    loadKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    unmetKw\n    bindingConstraint\n    rung\n    certified\n  }\n": typeof types.DecisionFactsFragmentDoc,
    "\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n": typeof types.EventsDocument,
    "\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n": typeof types.CreateEventDocument,
    "\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n": typeof types.UpdateEventDocument,
    "\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n": typeof types.CancelEventDocument,
    "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n": typeof types.FairnessDocument,
    "\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n": typeof types.FeederFactsFragmentDoc,
    "\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.FeedersDocument,
    "\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.FeederUpdatesDocument,
    "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n        allocatedKw\n        reservedKw\n      }\n    }\n  }\n": typeof types.FeederHistoryDocument,
    "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n": typeof types.AlarmsDocument,
    "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n": typeof types.AlarmRaisedDocument,
    "\n  query FeederNames {\n    feeders {\n      id\n    }\n  }\n": typeof types.FeederNamesDocument,
    "\n  query Thresholds {\n    thresholds {\n      silenceSeconds\n      nearLimitShare\n      eventRampSecondsMax\n      overrideSecondsMax\n      programNameLengthMax\n      priceShedShareMax\n    }\n  }\n": typeof types.ThresholdsDocument,
    "\n  query Simulation {\n    simulation {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n": typeof types.SimulationDocument,
};
const documents: Documents = {
    "\n  query Me {\n    me {\n      name\n      role\n    }\n  }\n": types.MeDocument,
    "\n  fragment AuditEntry on AuditEntry {\n    id\n    at\n    actor\n    source\n    kind\n    entity\n    before\n    after\n  }\n": types.AuditEntryFragmentDoc,
    "\n  query Audit($from: DateTime, $to: DateTime, $actor: String, $entity: ID, $first: Int!, $after: String) {\n    audit(from: $from, to: $to, actor: $actor, entity: $entity, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...AuditEntry\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": types.AuditDocument,
    "\n  fragment Program on DrProgram {\n    id\n    name\n    mode\n    feederIds\n    start\n    end\n    targetShedKw\n    incentivePerKwh\n    penaltyPerKwh\n    active\n    impact {\n      at\n      availableBeforeKw\n      availableAfterKw\n      shedKw\n    }\n  }\n": types.ProgramFragmentDoc,
    "\n  query DemandResponse {\n    events(includePast: true) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n    drPrograms {\n      id\n      ...Program\n    }\n  }\n": types.DemandResponseDocument,
    "\n  mutation CreateProgram($input: DrProgramInput!) {\n    createDrProgram(input: $input) {\n      id\n      ...Program\n    }\n  }\n": types.CreateProgramDocument,
    "\n  mutation UpdateProgram($id: ID!, $input: DrProgramPatch!) {\n    updateDrProgram(id: $id, input: $input) {\n      id\n      ...Program\n    }\n  }\n": types.UpdateProgramDocument,
    "\n  mutation SetProgramActive($id: ID!, $active: Boolean!) {\n    setDrProgramActive(id: $id, active: $active) {\n      id\n      ...Program\n    }\n  }\n": types.SetProgramActiveDocument,
    "\n  mutation DeleteProgram($id: ID!) {\n    deleteDrProgram(id: $id)\n  }\n": types.DeleteProgramDocument,
    "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n    fallbackKw\n    override {\n      powerKw\n      until\n    }\n    notices {\n      kind\n      detail\n    }\n  }\n": types.DeviceFactsFragmentDoc,
    "\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.DeviceDocument,
    "\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.DeviceUpdateDocument,
    "\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n": types.DeviceTelemetryDocument,
    "\n  fragment Explanation on Explanation {\n    deviceId\n    at\n    sentence\n    boundFeederId\n    boundLimitKw\n    sharedWith\n    decision {\n      ...DecisionFacts\n    }\n    device {\n      wantedKw\n      shareKw\n      setpointKw\n      weight\n      deficitKwh\n      reason\n      bindingConstraint\n      marginal\n      sampleAgeMs\n    }\n  }\n": types.ExplanationFragmentDoc,
    "\n  query Explain($id: ID!, $at: DateTime) {\n    explain(deviceId: $id, at: $at) {\n      ...Explanation\n    }\n  }\n": types.ExplainDocument,
    "\n  fragment Command on Command {\n    id\n    decisionId\n    setpointKw\n    validUntil\n    stage\n    decidedAt\n    sentAt\n    ackedAt\n    appliedAt\n    observedAt\n    reason\n  }\n": types.CommandFragmentDoc,
    "\n  query DeviceCommands($id: ID!, $first: Int!, $after: String) {\n    commands(deviceId: $id, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...Command\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": types.DeviceCommandsDocument,
    "\n  mutation SetDevice($input: DeviceInput!) {\n    setDevice(input: $input) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.SetDeviceDocument,
    "\n  mutation OverrideSetpoint($deviceId: ID!, $powerKw: Float!, $forSeconds: Int!) {\n    overrideSetpoint(deviceId: $deviceId, powerKw: $powerKw, forSeconds: $forSeconds) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.OverrideSetpointDocument,
    "\n  mutation ClearOverride($deviceId: ID!) {\n    clearOverride(deviceId: $deviceId) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.ClearOverrideDocument,
    "\n  mutation RetireDevice($id: ID!) {\n    retireDevice(id: $id)\n  }\n": types.RetireDeviceDocument,
    "\n  query Replacements($type: DeviceType!, $search: String) {\n    devices(type: $type, search: $search, first: 50) {\n      edges {\n        node {\n          id\n          feederId\n        }\n      }\n    }\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          type\n        }\n      }\n    }\n  }\n": types.ReplacementsDocument,
    "\n  mutation ReplaceDevice($id: ID!, $by: ID!) {\n    replaceDevice(id: $id, by: $by) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.ReplaceDeviceDocument,
    "\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": types.DeviceRowFragmentDoc,
    "\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": types.DevicesPageDocument,
    "\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n": types.DeviceUpdatesDocument,
    "\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": types.DeviceFeedersDocument,
    "\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n": types.SetDeviceRowDocument,
    "\n  query CurtailedPage($feederId: ID!, $after: String) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          devices(first: 500, after: $after) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n          }\n        }\n      }\n    }\n  }\n": types.CurtailedPageDocument,
    "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n": types.FeederMarksDocument,
    "\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n": types.NewestDecisionDocument,
    "\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n": types.DecisionMadeDocument,
    "\n  query FeederPrograms {\n    drPrograms {\n      id\n      name\n      mode\n      feederIds\n      start\n      end\n      targetShedKw\n      active\n      impact {\n        at\n        shedKw\n      }\n    }\n  }\n": types.FeederProgramsDocument,
    "\n  query Policies {\n    policies\n  }\n": types.PoliciesDocument,
    "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n      ...FeederFacts\n    }\n  }\n": types.SetFeederDocument,
    "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      ...FeederFacts\n    }\n  }\n": types.ResumeControlDocument,
    "\n  fragment ServicePart on Part {\n    ok\n    detail\n    since\n  }\n": types.ServicePartFragmentDoc,
    "\n  query HealthPage {\n    health {\n      status\n      version\n      control {\n        ...ServicePart\n      }\n      mqtt {\n        ...ServicePart\n      }\n      log {\n        ...ServicePart\n      }\n      clickhouse {\n        ...ServicePart\n      }\n    }\n  }\n": types.HealthPageDocument,
    "\n  fragment DeadLetter on DeadLetterReason {\n    reason\n    count\n    lastAt\n    detail\n    sample\n    deviceId\n  }\n": types.DeadLetterFragmentDoc,
    "\n  query DeadLetters($from: DateTime!, $to: DateTime!) {\n    deadLetters(from: $from, to: $to) {\n      ...DeadLetter\n    }\n  }\n": types.DeadLettersDocument,
    "\n  mutation SetSimulationMode($mode: SimulationMode!) {\n    setSimulationMode(mode: $mode) {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n": types.SetSimulationModeDocument,
    "\n  fragment Waiting on WaitingDevice {\n    id\n    type\n    origin\n    feederId\n    siteId\n    reason\n    since\n    notices {\n      kind\n      detail\n    }\n  }\n": types.WaitingFragmentDoc,
    "\n  query WaitingDevices {\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          ...Waiting\n        }\n      }\n      totalCount\n    }\n  }\n": types.WaitingDevicesDocument,
    "\n  query NoticedDevices {\n    noticedDevices(first: 100) {\n      edges {\n        node {\n          id\n          notices {\n            kind\n            detail\n          }\n        }\n      }\n      totalCount\n    }\n  }\n": types.NoticedDevicesDocument,
    "\n  mutation ApproveDevice($id: ID!, $feederId: ID, $type: DeviceType) {\n    approveDevice(id: $id, feederId: $feederId, type: $type) {\n      id\n      feederId\n    }\n  }\n": types.ApproveDeviceDocument,
    "\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n": types.SystemHealthDocument,
    "\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n": types.HealthPartFragmentDoc,
    "\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n": types.DeviceCountsDocument,
    "\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n": types.TrackingErrorsDocument,
    "\n  query ReplayFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": types.ReplayFeedersDocument,
    "\n  query ReplaySteps($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          ...DecisionFacts\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.ReplayStepsDocument,
    "\n  query ReplayMoment($id: ID!) {\n    decision(id: $id) {\n      id\n      at\n      tree {\n        id\n        ...DecisionFacts\n      }\n      devices(first: 500) {\n        edges {\n          node {\n            ...DecisionDeviceRow\n          }\n        }\n        totalCount\n      }\n    }\n  }\n": types.ReplayMomentDocument,
    "\n  query ReplayWhy($deviceId: ID!, $at: DateTime!) {\n    explain(deviceId: $deviceId, at: $at) {\n      sentence\n    }\n  }\n": types.ReplayWhyDocument,
    "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n": types.FeederIdsDocument,
    "\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n": types.ViolationsDocument,
    "\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n": types.AlarmHistoryDocument,
    "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n": types.DecisionDeviceRowFragmentDoc,
    "\n  fragment DecisionFacts on Decision {\n    id\n    feederId\n    rootId\n    parentId\n    at\n    trigger\n    policy\n    mode\n    shadow\n    degraded\n    stopped\n    limitKw\n    loadKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    unmetKw\n    bindingConstraint\n    rung\n    certified\n  }\n": types.DecisionFactsFragmentDoc,
    "\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n": types.EventsDocument,
    "\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n": types.CreateEventDocument,
    "\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n": types.UpdateEventDocument,
    "\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n": types.CancelEventDocument,
    "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n": types.FairnessDocument,
    "\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n": types.FeederFactsFragmentDoc,
    "\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n": types.FeedersDocument,
    "\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n": types.FeederUpdatesDocument,
    "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n        allocatedKw\n        reservedKw\n      }\n    }\n  }\n": types.FeederHistoryDocument,
    "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n": types.AlarmsDocument,
    "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n": types.AlarmRaisedDocument,
    "\n  query FeederNames {\n    feeders {\n      id\n    }\n  }\n": types.FeederNamesDocument,
    "\n  query Thresholds {\n    thresholds {\n      silenceSeconds\n      nearLimitShare\n      eventRampSecondsMax\n      overrideSecondsMax\n      programNameLengthMax\n      priceShedShareMax\n    }\n  }\n": types.ThresholdsDocument,
    "\n  query Simulation {\n    simulation {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n": types.SimulationDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Me {\n    me {\n      name\n      role\n    }\n  }\n"): (typeof documents)["\n  query Me {\n    me {\n      name\n      role\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment AuditEntry on AuditEntry {\n    id\n    at\n    actor\n    source\n    kind\n    entity\n    before\n    after\n  }\n"): (typeof documents)["\n  fragment AuditEntry on AuditEntry {\n    id\n    at\n    actor\n    source\n    kind\n    entity\n    before\n    after\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Audit($from: DateTime, $to: DateTime, $actor: String, $entity: ID, $first: Int!, $after: String) {\n    audit(from: $from, to: $to, actor: $actor, entity: $entity, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...AuditEntry\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query Audit($from: DateTime, $to: DateTime, $actor: String, $entity: ID, $first: Int!, $after: String) {\n    audit(from: $from, to: $to, actor: $actor, entity: $entity, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...AuditEntry\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Program on DrProgram {\n    id\n    name\n    mode\n    feederIds\n    start\n    end\n    targetShedKw\n    incentivePerKwh\n    penaltyPerKwh\n    active\n    impact {\n      at\n      availableBeforeKw\n      availableAfterKw\n      shedKw\n    }\n  }\n"): (typeof documents)["\n  fragment Program on DrProgram {\n    id\n    name\n    mode\n    feederIds\n    start\n    end\n    targetShedKw\n    incentivePerKwh\n    penaltyPerKwh\n    active\n    impact {\n      at\n      availableBeforeKw\n      availableAfterKw\n      shedKw\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DemandResponse {\n    events(includePast: true) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n    drPrograms {\n      id\n      ...Program\n    }\n  }\n"): (typeof documents)["\n  query DemandResponse {\n    events(includePast: true) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n    drPrograms {\n      id\n      ...Program\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateProgram($input: DrProgramInput!) {\n    createDrProgram(input: $input) {\n      id\n      ...Program\n    }\n  }\n"): (typeof documents)["\n  mutation CreateProgram($input: DrProgramInput!) {\n    createDrProgram(input: $input) {\n      id\n      ...Program\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateProgram($id: ID!, $input: DrProgramPatch!) {\n    updateDrProgram(id: $id, input: $input) {\n      id\n      ...Program\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateProgram($id: ID!, $input: DrProgramPatch!) {\n    updateDrProgram(id: $id, input: $input) {\n      id\n      ...Program\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetProgramActive($id: ID!, $active: Boolean!) {\n    setDrProgramActive(id: $id, active: $active) {\n      id\n      ...Program\n    }\n  }\n"): (typeof documents)["\n  mutation SetProgramActive($id: ID!, $active: Boolean!) {\n    setDrProgramActive(id: $id, active: $active) {\n      id\n      ...Program\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteProgram($id: ID!) {\n    deleteDrProgram(id: $id)\n  }\n"): (typeof documents)["\n  mutation DeleteProgram($id: ID!) {\n    deleteDrProgram(id: $id)\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n    fallbackKw\n    override {\n      powerKw\n      until\n    }\n    notices {\n      kind\n      detail\n    }\n  }\n"): (typeof documents)["\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n    fallbackKw\n    override {\n      powerKw\n      until\n    }\n    notices {\n      kind\n      detail\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n"): (typeof documents)["\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Explanation on Explanation {\n    deviceId\n    at\n    sentence\n    boundFeederId\n    boundLimitKw\n    sharedWith\n    decision {\n      ...DecisionFacts\n    }\n    device {\n      wantedKw\n      shareKw\n      setpointKw\n      weight\n      deficitKwh\n      reason\n      bindingConstraint\n      marginal\n      sampleAgeMs\n    }\n  }\n"): (typeof documents)["\n  fragment Explanation on Explanation {\n    deviceId\n    at\n    sentence\n    boundFeederId\n    boundLimitKw\n    sharedWith\n    decision {\n      ...DecisionFacts\n    }\n    device {\n      wantedKw\n      shareKw\n      setpointKw\n      weight\n      deficitKwh\n      reason\n      bindingConstraint\n      marginal\n      sampleAgeMs\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Explain($id: ID!, $at: DateTime) {\n    explain(deviceId: $id, at: $at) {\n      ...Explanation\n    }\n  }\n"): (typeof documents)["\n  query Explain($id: ID!, $at: DateTime) {\n    explain(deviceId: $id, at: $at) {\n      ...Explanation\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Command on Command {\n    id\n    decisionId\n    setpointKw\n    validUntil\n    stage\n    decidedAt\n    sentAt\n    ackedAt\n    appliedAt\n    observedAt\n    reason\n  }\n"): (typeof documents)["\n  fragment Command on Command {\n    id\n    decisionId\n    setpointKw\n    validUntil\n    stage\n    decidedAt\n    sentAt\n    ackedAt\n    appliedAt\n    observedAt\n    reason\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeviceCommands($id: ID!, $first: Int!, $after: String) {\n    commands(deviceId: $id, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...Command\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query DeviceCommands($id: ID!, $first: Int!, $after: String) {\n    commands(deviceId: $id, first: $first, after: $after) {\n      edges {\n        node {\n          id\n          ...Command\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetDevice($input: DeviceInput!) {\n    setDevice(input: $input) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  mutation SetDevice($input: DeviceInput!) {\n    setDevice(input: $input) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation OverrideSetpoint($deviceId: ID!, $powerKw: Float!, $forSeconds: Int!) {\n    overrideSetpoint(deviceId: $deviceId, powerKw: $powerKw, forSeconds: $forSeconds) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  mutation OverrideSetpoint($deviceId: ID!, $powerKw: Float!, $forSeconds: Int!) {\n    overrideSetpoint(deviceId: $deviceId, powerKw: $powerKw, forSeconds: $forSeconds) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ClearOverride($deviceId: ID!) {\n    clearOverride(deviceId: $deviceId) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  mutation ClearOverride($deviceId: ID!) {\n    clearOverride(deviceId: $deviceId) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RetireDevice($id: ID!) {\n    retireDevice(id: $id)\n  }\n"): (typeof documents)["\n  mutation RetireDevice($id: ID!) {\n    retireDevice(id: $id)\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Replacements($type: DeviceType!, $search: String) {\n    devices(type: $type, search: $search, first: 50) {\n      edges {\n        node {\n          id\n          feederId\n        }\n      }\n    }\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          type\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Replacements($type: DeviceType!, $search: String) {\n    devices(type: $type, search: $search, first: 50) {\n      edges {\n        node {\n          id\n          feederId\n        }\n      }\n    }\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          type\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ReplaceDevice($id: ID!, $by: ID!) {\n    replaceDevice(id: $id, by: $by) {\n      id\n      ...DeviceFacts\n    }\n  }\n"): (typeof documents)["\n  mutation ReplaceDevice($id: ID!, $by: ID!) {\n    replaceDevice(id: $id, by: $by) {\n      id\n      ...DeviceFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n"): (typeof documents)["\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n"): (typeof documents)["\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n"): (typeof documents)["\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n"): (typeof documents)["\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query CurtailedPage($feederId: ID!, $after: String) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          devices(first: 500, after: $after) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query CurtailedPage($feederId: ID!, $after: String) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          devices(first: 500, after: $after) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n"): (typeof documents)["\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederPrograms {\n    drPrograms {\n      id\n      name\n      mode\n      feederIds\n      start\n      end\n      targetShedKw\n      active\n      impact {\n        at\n        shedKw\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederPrograms {\n    drPrograms {\n      id\n      name\n      mode\n      feederIds\n      start\n      end\n      targetShedKw\n      active\n      impact {\n        at\n        shedKw\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Policies {\n    policies\n  }\n"): (typeof documents)["\n  query Policies {\n    policies\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n      ...FeederFacts\n    }\n  }\n"): (typeof documents)["\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n      ...FeederFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      ...FeederFacts\n    }\n  }\n"): (typeof documents)["\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      ...FeederFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment ServicePart on Part {\n    ok\n    detail\n    since\n  }\n"): (typeof documents)["\n  fragment ServicePart on Part {\n    ok\n    detail\n    since\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query HealthPage {\n    health {\n      status\n      version\n      control {\n        ...ServicePart\n      }\n      mqtt {\n        ...ServicePart\n      }\n      log {\n        ...ServicePart\n      }\n      clickhouse {\n        ...ServicePart\n      }\n    }\n  }\n"): (typeof documents)["\n  query HealthPage {\n    health {\n      status\n      version\n      control {\n        ...ServicePart\n      }\n      mqtt {\n        ...ServicePart\n      }\n      log {\n        ...ServicePart\n      }\n      clickhouse {\n        ...ServicePart\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DeadLetter on DeadLetterReason {\n    reason\n    count\n    lastAt\n    detail\n    sample\n    deviceId\n  }\n"): (typeof documents)["\n  fragment DeadLetter on DeadLetterReason {\n    reason\n    count\n    lastAt\n    detail\n    sample\n    deviceId\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeadLetters($from: DateTime!, $to: DateTime!) {\n    deadLetters(from: $from, to: $to) {\n      ...DeadLetter\n    }\n  }\n"): (typeof documents)["\n  query DeadLetters($from: DateTime!, $to: DateTime!) {\n    deadLetters(from: $from, to: $to) {\n      ...DeadLetter\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetSimulationMode($mode: SimulationMode!) {\n    setSimulationMode(mode: $mode) {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n"): (typeof documents)["\n  mutation SetSimulationMode($mode: SimulationMode!) {\n    setSimulationMode(mode: $mode) {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Waiting on WaitingDevice {\n    id\n    type\n    origin\n    feederId\n    siteId\n    reason\n    since\n    notices {\n      kind\n      detail\n    }\n  }\n"): (typeof documents)["\n  fragment Waiting on WaitingDevice {\n    id\n    type\n    origin\n    feederId\n    siteId\n    reason\n    since\n    notices {\n      kind\n      detail\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query WaitingDevices {\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          ...Waiting\n        }\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query WaitingDevices {\n    waitingDevices(first: 100) {\n      edges {\n        node {\n          id\n          ...Waiting\n        }\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query NoticedDevices {\n    noticedDevices(first: 100) {\n      edges {\n        node {\n          id\n          notices {\n            kind\n            detail\n          }\n        }\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query NoticedDevices {\n    noticedDevices(first: 100) {\n      edges {\n        node {\n          id\n          notices {\n            kind\n            detail\n          }\n        }\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ApproveDevice($id: ID!, $feederId: ID, $type: DeviceType) {\n    approveDevice(id: $id, feederId: $feederId, type: $type) {\n      id\n      feederId\n    }\n  }\n"): (typeof documents)["\n  mutation ApproveDevice($id: ID!, $feederId: ID, $type: DeviceType) {\n    approveDevice(id: $id, feederId: $feederId, type: $type) {\n      id\n      feederId\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n"): (typeof documents)["\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n"): (typeof documents)["\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n"): (typeof documents)["\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ReplayFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n"): (typeof documents)["\n  query ReplayFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ReplaySteps($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          ...DecisionFacts\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query ReplaySteps($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          ...DecisionFacts\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ReplayMoment($id: ID!) {\n    decision(id: $id) {\n      id\n      at\n      tree {\n        id\n        ...DecisionFacts\n      }\n      devices(first: 500) {\n        edges {\n          node {\n            ...DecisionDeviceRow\n          }\n        }\n        totalCount\n      }\n    }\n  }\n"): (typeof documents)["\n  query ReplayMoment($id: ID!) {\n    decision(id: $id) {\n      id\n      at\n      tree {\n        id\n        ...DecisionFacts\n      }\n      devices(first: 500) {\n        edges {\n          node {\n            ...DecisionDeviceRow\n          }\n        }\n        totalCount\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ReplayWhy($deviceId: ID!, $at: DateTime!) {\n    explain(deviceId: $deviceId, at: $at) {\n      sentence\n    }\n  }\n"): (typeof documents)["\n  query ReplayWhy($deviceId: ID!, $at: DateTime!) {\n    explain(deviceId: $deviceId, at: $at) {\n      sentence\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n"): (typeof documents)["\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n"): (typeof documents)["\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n"): (typeof documents)["\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DecisionFacts on Decision {\n    id\n    feederId\n    rootId\n    parentId\n    at\n    trigger\n    policy\n    mode\n    shadow\n    degraded\n    stopped\n    limitKw\n    loadKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    unmetKw\n    bindingConstraint\n    rung\n    certified\n  }\n"): (typeof documents)["\n  fragment DecisionFacts on Decision {\n    id\n    feederId\n    rootId\n    parentId\n    at\n    trigger\n    policy\n    mode\n    shadow\n    degraded\n    stopped\n    limitKw\n    loadKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    unmetKw\n    bindingConstraint\n    rung\n    certified\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n"): (typeof documents)["\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n"): (typeof documents)["\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n"): (typeof documents)["\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n"): (typeof documents)["\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n"): (typeof documents)["\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n"): (typeof documents)["\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n"): (typeof documents)["\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n        allocatedKw\n        reservedKw\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n        allocatedKw\n        reservedKw\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n"): (typeof documents)["\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n"): (typeof documents)["\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederNames {\n    feeders {\n      id\n    }\n  }\n"): (typeof documents)["\n  query FeederNames {\n    feeders {\n      id\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Thresholds {\n    thresholds {\n      silenceSeconds\n      nearLimitShare\n      eventRampSecondsMax\n      overrideSecondsMax\n      programNameLengthMax\n      priceShedShareMax\n    }\n  }\n"): (typeof documents)["\n  query Thresholds {\n    thresholds {\n      silenceSeconds\n      nearLimitShare\n      eventRampSecondsMax\n      overrideSecondsMax\n      programNameLengthMax\n      priceShedShareMax\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Simulation {\n    simulation {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n"): (typeof documents)["\n  query Simulation {\n    simulation {\n      mode\n      overridden\n      updatedAt\n      hoursAhead\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;
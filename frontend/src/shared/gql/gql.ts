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
    "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": typeof types.DeviceFactsFragmentDoc,
    "\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.DeviceDocument,
    "\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": typeof types.DeviceUpdateDocument,
    "\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n": typeof types.DeviceTelemetryDocument,
    "\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": typeof types.DeviceRowFragmentDoc,
    "\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": typeof types.DevicesPageDocument,
    "\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n": typeof types.DeviceUpdatesDocument,
    "\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": typeof types.DeviceFeedersDocument,
    "\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n": typeof types.SetDeviceRowDocument,
    "\n  query FeederTracks($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          at\n          allocatedKw\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": typeof types.FeederTracksDocument,
    "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n": typeof types.FeederMarksDocument,
    "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n": typeof types.DecisionDeviceRowFragmentDoc,
    "\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n": typeof types.NewestDecisionDocument,
    "\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n": typeof types.DecisionMadeDocument,
    "\n  query Policies {\n    policies\n  }\n": typeof types.PoliciesDocument,
    "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n    }\n  }\n": typeof types.SetFeederDocument,
    "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      stopped\n    }\n  }\n": typeof types.ResumeControlDocument,
    "\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n": typeof types.SystemHealthDocument,
    "\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n": typeof types.HealthPartFragmentDoc,
    "\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n": typeof types.DeviceCountsDocument,
    "\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n": typeof types.TrackingErrorsDocument,
    "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n": typeof types.FeederIdsDocument,
    "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n": typeof types.FairnessDocument,
    "\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.ViolationsDocument,
    "\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n": typeof types.AlarmHistoryDocument,
    "\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n": typeof types.EventsDocument,
    "\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n": typeof types.CreateEventDocument,
    "\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n": typeof types.UpdateEventDocument,
    "\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n": typeof types.CancelEventDocument,
    "\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n": typeof types.FeederFactsFragmentDoc,
    "\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.FeedersDocument,
    "\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n": typeof types.FeederUpdatesDocument,
    "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n      }\n    }\n  }\n": typeof types.FeederHistoryDocument,
    "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n": typeof types.AlarmsDocument,
    "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n": typeof types.AlarmRaisedDocument,
};
const documents: Documents = {
    "\n  query Me {\n    me {\n      name\n      role\n    }\n  }\n": types.MeDocument,
    "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": types.DeviceFactsFragmentDoc,
    "\n  query Device($id: ID!) {\n    device(id: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.DeviceDocument,
    "\n  subscription DeviceUpdate($id: ID!) {\n    deviceUpdated(deviceId: $id) {\n      id\n      ...DeviceFacts\n    }\n  }\n": types.DeviceUpdateDocument,
    "\n  query DeviceTelemetry($id: ID!, $from: DateTime!, $to: DateTime!) {\n    device(id: $id) {\n      id\n      telemetry(from: $from, to: $to, maxPoints: 500) {\n        at\n        powerKw\n        setpointKw\n        soc\n      }\n    }\n  }\n": types.DeviceTelemetryDocument,
    "\n  fragment DeviceRow on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    priority\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n": types.DeviceRowFragmentDoc,
    "\n  query DevicesPage(\n    $feederId: ID\n    $type: DeviceType\n    $origin: DeviceOrigin\n    $freshness: Freshness\n    $search: String\n    $first: Int!\n    $after: String\n  ) {\n    devices(\n      feederId: $feederId\n      type: $type\n      origin: $origin\n      freshness: $freshness\n      search: $search\n      first: $first\n      after: $after\n    ) {\n      edges {\n        node {\n          id\n          ...DeviceRow\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      totalCount\n    }\n  }\n": types.DevicesPageDocument,
    "\n  subscription DeviceUpdates {\n    deviceUpdated {\n      ...DeviceRow\n    }\n  }\n": types.DeviceUpdatesDocument,
    "\n  query DeviceFeeders {\n    feeders {\n      id\n      parentId\n    }\n  }\n": types.DeviceFeedersDocument,
    "\n  mutation SetDeviceRow($input: DeviceInput!) {\n    setDevice(input: $input) {\n      ...DeviceRow\n    }\n  }\n": types.SetDeviceRowDocument,
    "\n  query FeederTracks($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          at\n          allocatedKw\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n": types.FeederTracksDocument,
    "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n": types.FeederMarksDocument,
    "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n": types.DecisionDeviceRowFragmentDoc,
    "\n  query NewestDecision($feederId: ID!) {\n    decisions(feederId: $feederId, first: 1) {\n      edges {\n        node {\n          id\n          at\n          policy\n          shadow\n          limitKw\n          unmetKw\n          bindingConstraint\n          rung\n          certified\n          devices(first: 500) {\n            edges {\n              node {\n                ...DecisionDeviceRow\n              }\n            }\n            pageInfo {\n              hasNextPage\n              endCursor\n            }\n            totalCount\n          }\n        }\n      }\n    }\n  }\n": types.NewestDecisionDocument,
    "\n  subscription DecisionMade($feederId: ID!) {\n    decisionMade(feederId: $feederId) {\n      id\n      at\n    }\n  }\n": types.DecisionMadeDocument,
    "\n  query Policies {\n    policies\n  }\n": types.PoliciesDocument,
    "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n    }\n  }\n": types.SetFeederDocument,
    "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      stopped\n    }\n  }\n": types.ResumeControlDocument,
    "\n  query SystemHealth {\n    health {\n      status\n      version\n      log {\n        ...HealthPart\n      }\n      clickhouse {\n        ...HealthPart\n      }\n      control {\n        ...HealthPart\n      }\n      mqtt {\n        ...HealthPart\n      }\n    }\n  }\n": types.SystemHealthDocument,
    "\n  fragment HealthPart on Part {\n    ok\n    detail\n    since\n  }\n": types.HealthPartFragmentDoc,
    "\n  query DeviceCounts {\n    all: devices(first: 1) {\n      totalCount\n    }\n    physical: devices(origin: PHYSICAL, first: 1) {\n      totalCount\n    }\n  }\n": types.DeviceCountsDocument,
    "\n  query TrackingErrors {\n    trackingError {\n      deviceId\n      type\n      samples\n      meanErrorKw\n      meanAbsErrorKw\n    }\n  }\n": types.TrackingErrorsDocument,
    "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n": types.FeederIdsDocument,
    "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n": types.FairnessDocument,
    "\n  query Violations($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    violations(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          feederId\n          from\n          to\n          worstKw\n          kwh\n          cause\n        }\n      }\n      totalCount\n    }\n  }\n": types.ViolationsDocument,
    "\n  query AlarmHistory($feederId: ID, $from: DateTime!, $to: DateTime!) {\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 500) {\n      edges {\n        node {\n          from\n          to\n          code\n          severity\n          feederId\n          deviceId\n          message\n          runbook\n        }\n      }\n      totalCount\n    }\n  }\n": types.AlarmHistoryDocument,
    "\n  query Events($feederId: ID, $includePast: Boolean!) {\n    events(feederId: $feederId, includePast: $includePast) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      type\n      rampSeconds\n      cancelled\n      cancelledAt\n      createdBy\n    }\n  }\n": types.EventsDocument,
    "\n  mutation CreateEvent($input: EventInput!) {\n    createEvent(input: $input) {\n      id\n      feederId\n      start\n      end\n      limitKw\n      cancelled\n    }\n  }\n": types.CreateEventDocument,
    "\n  mutation UpdateEvent($id: ID!, $input: EventPatch!) {\n    updateEvent(id: $id, input: $input) {\n      id\n      start\n      end\n      limitKw\n      rampSeconds\n    }\n  }\n": types.UpdateEventDocument,
    "\n  mutation CancelEvent($id: ID!) {\n    cancelEvent(id: $id) {\n      id\n      cancelled\n      cancelledAt\n    }\n  }\n": types.CancelEventDocument,
    "\n  fragment FeederFacts on Feeder {\n    id\n    parentId\n    mode\n    policy\n    policyIsDefault\n    degraded\n    stopped\n    importLimitKw\n    importLimitIsDefault\n    exportLimitKw\n    effectiveLimitKw\n    loadKw\n    controlledKw\n    uncontrolledKw\n    reservedKw\n    headroomKw\n    allocatedKw\n    waterLevel\n    deviceCount\n    freshCount\n    staleCount\n    byType {\n      type\n      count\n      powerKw\n    }\n    lastDecisionAt\n  }\n": types.FeederFactsFragmentDoc,
    "\n  query Feeders {\n    feeders {\n      id\n      ...FeederFacts\n    }\n  }\n": types.FeedersDocument,
    "\n  subscription FeederUpdates {\n    feederUpdated {\n      id\n      ...FeederFacts\n    }\n  }\n": types.FeederUpdatesDocument,
    "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n      }\n    }\n  }\n": types.FeederHistoryDocument,
    "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n": types.AlarmsDocument,
    "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n": types.AlarmRaisedDocument,
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
export function graphql(source: "\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n"): (typeof documents)["\n  fragment DeviceFacts on Device {\n    id\n    type\n    origin\n    feederId\n    siteId\n    ratedKw\n    minPowerKw\n    priority\n    targetSoc\n    optedOut\n    overridden\n    freshness\n    lastSeen\n    powerKw\n    setpointKw\n    soc\n    trackingErrorKw\n    compliant\n  }\n"];
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
export function graphql(source: "\n  query FeederTracks($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          at\n          allocatedKw\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederTracks($feederId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {\n    decisions(feederId: $feederId, from: $from, to: $to, first: 500, after: $after) {\n      edges {\n        node {\n          id\n          at\n          allocatedKw\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederMarks($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    events(feederId: $feederId, includePast: true) {\n      id\n      start\n      end\n      limitKw\n      cancelled\n      cancelledAt\n    }\n    drPrograms {\n      id\n      name\n      feederIds\n      start\n      end\n      active\n    }\n    alarmHistory(feederId: $feederId, from: $from, to: $to, first: 100) {\n      edges {\n        node {\n          from\n          to\n          code\n          deviceId\n          message\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n"): (typeof documents)["\n  fragment DecisionDeviceRow on DecisionDevice {\n    deviceId\n    wantedKw\n    setpointKw\n    weight\n    reason\n    bindingConstraint\n    sampleAgeMs\n  }\n"];
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
export function graphql(source: "\n  query Policies {\n    policies\n  }\n"): (typeof documents)["\n  query Policies {\n    policies\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n    }\n  }\n"): (typeof documents)["\n  mutation SetFeeder($input: FeederInput!) {\n    setFeeder(input: $input) {\n      id\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      stopped\n    }\n  }\n"): (typeof documents)["\n  mutation ResumeControl($feederId: ID!) {\n    resumeControl(feederId: $feederId) {\n      id\n      stopped\n    }\n  }\n"];
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
export function graphql(source: "\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n"): (typeof documents)["\n  query FeederIds {\n    feeders {\n      id\n      parentId\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n"): (typeof documents)["\n  query Fairness($feederId: ID!, $from: DateTime!, $to: DateTime!) {\n    fairness(feederId: $feederId, from: $from, to: $to) {\n      feederId\n      jain\n      worstDecileShare\n      perDevice {\n        deviceId\n        wantedKwh\n        servedKwh\n        curtailedKwh\n      }\n    }\n  }\n"];
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
export function graphql(source: "\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n      }\n    }\n  }\n"): (typeof documents)["\n  query FeederHistory($id: ID!, $from: DateTime!, $to: DateTime!, $maxPoints: Int!) {\n    feeder(id: $id) {\n      id\n      history(from: $from, to: $to, maxPoints: $maxPoints) {\n        at\n        loadKw\n        limitKw\n        curtailedKw\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n"): (typeof documents)["\n  query Alarms($feederId: ID) {\n    alarms(feederId: $feederId) {\n      at\n      code\n      severity\n      feederId\n      deviceId\n      message\n      runbook\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n"): (typeof documents)["\n  subscription AlarmRaised {\n    alarm {\n      at\n      code\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;
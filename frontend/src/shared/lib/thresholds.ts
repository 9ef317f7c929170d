//! Beyond what something is marked or refused, as the API says it: nothing of it is known twice.
import { createContext, useContext, useMemo } from 'react';
import { graphql } from '../gql';
import { useLiveQuery } from './live';

const ASK_EVERY_MS = 300_000;

export interface Thresholds {
  /** A feeder without a decision for longer is silent: its figures may be old. */
  silentAfterMs: number;
  /** A feeder with a smaller share of its limit left is near it. */
  nearShare: number;
  eventRampMaxS: number;
  overrideMaxS: number;
  programNameMax: number;
  /** What a price takes of a limit at most. */
  priceMaxPercent: number;
}

/** What holds until the API has said: the defaults of its settings. */
export const UNTOLD: Thresholds = { silentAfterMs: 20_000, nearShare: 0.01, eventRampMaxS: 86_400, overrideMaxS: 604_800, programNameMax: 128, priceMaxPercent: 80 };

const ThresholdsQuery = graphql(`
  query Thresholds {
    thresholds {
      silenceSeconds
      nearLimitShare
      eventRampSecondsMax
      overrideSecondsMax
      programNameLengthMax
      priceShedShareMax
    }
  }
`);

const Told = createContext(UNTOLD);
export const ThresholdsProvider = Told.Provider;

/** Asks for them; once, above all who use them. */
export function useAskedThresholds(): Thresholds {
  const { data } = useLiveQuery({ query: ThresholdsQuery, variables: {}, everyMs: ASK_EVERY_MS });
  const told = data?.thresholds;
  return useMemo(
    () =>
      told
        ? {
            silentAfterMs: told.silenceSeconds * 1000,
            nearShare: told.nearLimitShare,
            eventRampMaxS: told.eventRampSecondsMax,
            overrideMaxS: told.overrideSecondsMax,
            programNameMax: told.programNameLengthMax,
            priceMaxPercent: told.priceShedShareMax * 100,
          }
        : UNTOLD,
    [told],
  );
}

export function useThresholds(): Thresholds {
  return useContext(Told);
}

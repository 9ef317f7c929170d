//! The filters over the trail. Typed ones are applied when the typing pauses; all of them live in the address.
import { useEffect, useId, useRef, useState } from 'react';
import { useNow } from '../../shared/lib/hooks';
import { parseTime, toLocalInput, zoneName } from '../../shared/lib/time';
import { Field } from '../../shared/ui/Field';
import { Segmented } from '../../shared/ui/Segmented';
import { SPANS, timeFromInput } from './model';
import type { View } from './model';
import styles from './AuditPage.module.css';

const TYPING_MS = 350;

interface Props {
  view: View;
  problem: string | null;
  onChange: (view: View) => void;
}

export function AuditFilters({ view, problem, onChange }: Props) {
  const input = (text: string | null) => {
    const ms = parseTime(text);
    return ms === null ? '' : toLocalInput(ms);
  };
  const zone = zoneName(useNow(60_000));
  return (
    <div className={styles.filters} role="search" aria-label="Filter changes">
      <TypedFilter label="By" placeholder="Anyone" value={view.actor} onChange={(actor) => onChange({ ...view, actor })} />
      <TypedFilter label="Of" placeholder="Feeder, device or event" value={view.entity} onChange={(entity) => onChange({ ...view, entity })} />
      <Segmented label="Time shown" options={SPANS} value={view.span} onChange={(span) => onChange({ ...view, span })} />
      {view.span === 'own' ? (
        <div className={styles.own}>
          <Field
            label={`From (${zone})`}
            type="datetime-local"
            value={input(view.from)}
            problem={undefined}
            onChange={(text) => onChange({ ...view, from: timeFromInput(text) })}
          />
          <Field
            label={`To (${zone})`}
            type="datetime-local"
            value={input(view.to)}
            problem={problem ?? undefined}
            onChange={(text) => onChange({ ...view, to: timeFromInput(text) })}
          />
        </div>
      ) : null}
    </div>
  );
}

interface TypedProps {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
}

function TypedFilter({ label, placeholder, value, onChange }: TypedProps) {
  const id = useId();
  const [typed, setTyped] = useState({ text: value, of: value });
  // The address may change without us: by a click on a name, by going back.
  if (typed.of !== value) setTyped({ text: value, of: value });
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    if (typed.text === value) return;
    const timer = setTimeout(() => latest.current(typed.text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed.text, value]);
  return (
    <div className={styles.typed}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type="search"
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={typed.text}
        onChange={(event) => setTyped({ text: event.target.value, of: value })}
      />
    </div>
  );
}

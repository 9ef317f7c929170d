//! One button through the three choices: as the system, day, night.
import { chooseTheme, useThemeChoice } from '../shared/lib/theme';
import type { ThemeChoice } from '../shared/lib/theme';
import { Icon } from '../shared/ui/Icon';
import type { IconName } from '../shared/ui/Icon';
import styles from './Shell.module.css';

const NEXT: Record<ThemeChoice, ThemeChoice> = { auto: 'day', day: 'night', night: 'auto' };
const ICON: Record<ThemeChoice, IconName> = { auto: 'auto', day: 'sun', night: 'moon' };
const NAME: Record<ThemeChoice, string> = { auto: 'automatic', day: 'day', night: 'night' };

export function ThemeButton() {
  const choice = useThemeChoice();
  const label = `Theme: ${NAME[choice]}. Change to ${NAME[NEXT[choice]]}`;
  return (
    <button
      type="button"
      className={styles.tool}
      aria-label={label}
      title={label}
      onClick={() => chooseTheme(NEXT[choice])}
    >
      <Icon name={ICON[choice]} size={18} />
    </button>
  );
}

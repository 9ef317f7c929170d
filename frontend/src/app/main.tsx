//! The entry point: theme, styles, root.
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../shared/styles/base.css';
import { watchSystemTheme } from '../shared/lib/theme';
import { App } from './App';

watchSystemTheme();
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

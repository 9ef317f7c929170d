//! `npm run dev:mock`: the mock API on MOCK_PORT with MOCK_DEVICES devices and MOCK_FEEDERS feeders more. `DERMS_API=… npm run dev` uses it.
import { MOCK_PASSWORD, startMock } from './server';

const port = Number(process.env.MOCK_PORT ?? 5199);
const devices = Number(process.env.MOCK_DEVICES ?? 200);
const feeders = Number(process.env.MOCK_FEEDERS ?? 0);
const mock = await startMock({ port, devices, feeders });
console.log(`mock API and built dashboard: ${mock.url}`);
console.log(`users viewer, operator, admin; password ${MOCK_PASSWORD}`);

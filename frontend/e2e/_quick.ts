import { launch, newContext, enter, watchErrors } from './browser';
const [path='/', name='q', looks='wd,wn,pd,pn'] = process.argv.slice(2);
const base = process.env.BASE_URL ?? 'http://127.0.0.1:5299';
const b = await launch();
for (const l of looks.split(',')) {
  const c = await newContext(b, base, { theme: l[1]==='n'?'night':'day', phone: l[0]==='p' });
  const p = await c.newPage(); const errs = watchErrors(p);
  await enter(p, { user: process.env.DERMS_USER ?? 'operator', password: process.env.DERMS_PASSWORD ?? 'mock-password' }, path);
  await p.waitForTimeout(2500);
  await p.screenshot({ path: `/tmp/fe-${name}-${l}.png`, fullPage: !process.env.VIEW });
  if (errs.length) console.log(l, errs);
}
await b.close();

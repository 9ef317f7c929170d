//! Tests of where a sign-in leads to.
import { expect, test } from 'vitest';
import { nextPage } from './App';

test.each([
  ['', '/'],
  ['next=%2Fdevices%3Ftype%3DEV', '/devices?type=EV'],
  ['next=%2Flogin%3Fnext%3D%2Flogin', '/'],
  ['next=https%3A%2F%2Felsewhere.example', '/'],
  ['next=%2F%2Felsewhere.example', '/'],
  ['next=%2F%5Celsewhere.example', '/'],
])('after "%s" comes %s', (search, page) => {
  expect(nextPage(search)).toBe(page);
});

import { OUTAGES, outageBench, outageContract, STAGES } from './outage.contract.ts';

const bench = outageBench();

// Every outage in one stage and every stage with one outage; outage.slow.ts has the rest of the table.
outageContract(bench, [
  ...Object.keys(OUTAGES).map((name) => [name, 'thoughts 1'] as const),
  ...STAGES.filter((stage) => stage !== 'thoughts 1').map((stage) => ['a refused key', stage] as const),
  ...STAGES.filter((stage) => stage !== 'thoughts 1').map((stage) => ['calls that time out', stage] as const),
]);

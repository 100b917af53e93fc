import { fullDiskContract, OUTAGES, outageBench, outageContract, STAGES } from './outage.contract.ts';

const bench = outageBench();

outageContract(
  bench,
  STAGES.flatMap((stage) => Object.keys(OUTAGES).map((name) => [name, stage] as const)),
);
fullDiskContract(bench, false);
fullDiskContract(bench, true);

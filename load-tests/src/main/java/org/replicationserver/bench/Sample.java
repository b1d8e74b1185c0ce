package org.replicationserver.bench;

/** What one round cost the receiving side, and how long it took. */
record Sample(double cpuSeconds, double wallSeconds) {}

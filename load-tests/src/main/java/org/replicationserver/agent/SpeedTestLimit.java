package org.replicationserver.agent;

/** Which stage limits, and what a person can do about it. */
enum SpeedTestLimit {
    REPLICATION("replication goes first: a speed test gets 2 % of it; test again while replication is paused"),
    THROTTLE("the limit of bandwidth, of this source server or of the server"),
    SOURCE_READ("reading the disks of this machine"),
    SOURCE_CPU("hashing and compressing on this machine; more --readers may help"),
    SOURCE_TLS("the processor of this machine, which encrypts"),
    SERVER_TLS("the processor of the server, which decrypts for all source servers"),
    SERVER_EXPAND("the processor of the server, which expands and checks"),
    SERVER_BUSY(
            "the server: blocks waited to be checked, which has the least share of its processor, after all that runs there"),
    VOLUMES("the volumes: their writers' clocks say that they take less than what arrived"),
    NETWORK("the network between this machine and the server; more --streams may help over a long way"),
    WINDOW("the server's window: blocks were under way, or not read yet; more --streams may help over a long way"),
    UNKNOWN("not known: no stage held the rest up for half of the time"),
    TOO_SHORT("nothing can be said: the speed test was too short");

    /** A stage that holds for this part of the time is what limits. */
    private static final double MOST = 0.5;

    /** A processor that was busy for this part of the time has nothing left. */
    private static final double BUSY = 0.85;

    private static final long MILLIS_MIN = 500;

    private final String text;

    SpeedTestLimit(String text) {
        this.text = text;
    }

    String text() {
        return text;
    }

    /** What holds a sender up is judged first, then whose processor has nothing left, then what was waited for between the two. */
    static SpeedTestLimit of(SpeedTestReport report) {
        var result = report.result();
        if (result.millis() < MILLIS_MIN || result.rawBytes() == 0) {
            return result.waits().replicationMillis() > 0 ? REPLICATION : TOO_SHORT;
        }
        if (report.share(result.waits().replicationMillis()) >= MOST) {
            return REPLICATION;
        }
        if (report.share(result.waits().throttleMillis()) >= MOST) {
            return THROTTLE;
        }
        double volumes = report.volumesBytesPerSecond();
        if (volumes > 0 && volumes < report.rawBytesPerSecond()) {
            return VOLUMES;
        }
        return ofTheWay(report);
    }

    private static SpeedTestLimit ofTheWay(SpeedTestReport report) {
        var result = report.result();
        var source = report.source();
        if (report.share(report.waits().sourceMillis()) >= MOST) {
            return source.readMillis() > source.packMillis() ? SOURCE_READ : SOURCE_CPU;
        }
        if (report.share(result.busy().expandMillis()) >= BUSY) {
            return SERVER_EXPAND;
        }
        if (report.share(result.busy().eventLoopMillis()) >= BUSY) {
            return SERVER_TLS;
        }
        return report.share(source.eventLoopMillis()) >= BUSY ? SOURCE_TLS : ofWaits(report);
    }

    /** A server that checks slowly uses up its window, and then reads no more: only what is not of its making is the network's. */
    private static SpeedTestLimit ofWaits(SpeedTestReport report) {
        double check = report.share(report.result().waits().checkMillis());
        double window = report.share(report.waits().windowMillis());
        double network = report.share(report.waits().networkMillis());
        if (check >= MOST || (window >= MOST && window > network && check >= window / 2)) {
            return SERVER_BUSY;
        }
        if (Math.max(window, network) < MOST) {
            return UNKNOWN;
        }
        return window > network ? WINDOW : NETWORK;
    }
}

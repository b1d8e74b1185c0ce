package org.replicationserver.agent;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import org.jspecify.annotations.Nullable;

/** An {@link AgentReport} as JSON. */
final class ReportJson {
    private ReportJson() {}

    static String of(AgentReport report) {
        JsonArray disks = new JsonArray();
        report.disks().forEach(disk -> disks.add(disk(disk)));
        JsonArray cycles = new JsonArray();
        report.cycles().forEach(cycle -> cycles.add(cycle(cycle)));
        AgentOutcome outcome = report.outcome();
        return new JsonObject()
                        .put("outcome", outcome == null ? null : outcome.exit().name())
                        .put("text", outcome == null ? null : outcome.text())
                        .put("committedEpoch", report.committedEpoch())
                        .put("rawBytesSent", report.rawBytesSent())
                        .put("zeroBytesSent", report.zeroBytesSent())
                        .put("wireBytesSent", report.wireBytesSent())
                        .put("bytesResent", report.bytesResent())
                        .put("zeroBytesResent", report.zeroBytesResent())
                        .put("durableBytes", report.durableBytes())
                        .put("readBytes", report.readBytes())
                        .put("skippedFrames", report.skippedFrames())
                        .put("sessions", report.sessions())
                        .put("commits", report.commits())
                        .put("reconnects", report.reconnects())
                        .put("disks", disks)
                        .put("cycles", cycles)
                        .put("verified", verified(report.verified()))
                        .encodePrettily()
                + "\n";
    }

    private static JsonObject disk(AgentReport.Disk disk) {
        return new JsonObject()
                .put("deviceName", disk.deviceName())
                .put("sizeBytes", disk.sizeBytes())
                .put("settledBytes", disk.settledBytes())
                .put("rawBytesSent", disk.rawBytesSent())
                .put("dataBytesSent", disk.dataBytesSent())
                .put("payloadBytesSent", disk.payloadBytesSent())
                .put("durableBytes", disk.durableBytes())
                .put("comparedBytes", disk.comparedBytes())
                .put("equalBytes", disk.equalBytes())
                .put("differingBytes", disk.differingBytes())
                .put("failure", disk.failure());
    }

    private static @Nullable JsonObject verified(AgentReport.@Nullable Verified verified) {
        if (verified == null) {
            return null;
        }
        JsonArray differences = new JsonArray();
        verified.differences()
                .forEach(difference -> differences.add(new JsonObject()
                        .put("deviceName", difference.deviceName())
                        .put("offsetBytes", difference.offsetBytes())
                        .put("lengthBytes", difference.lengthBytes())));
        return new JsonObject()
                .put("verifications", verified.verifications())
                .put("equalBytes", verified.equalBytes())
                .put("differingBytes", verified.differingBytes())
                .put("leftBytes", verified.leftBytes())
                .put("differences", differences);
    }

    private static JsonObject cycle(AgentReport.Cycle cycle) {
        return new JsonObject()
                .put("epoch", cycle.epoch())
                .put("fuzzy", cycle.fuzzy())
                .put("rawBytes", cycle.rawBytes())
                .put("zeroBytes", cycle.zeroBytes())
                .put("wireBytes", cycle.wireBytes())
                .put("resentBytes", cycle.resentBytes())
                .put("zeroResentBytes", cycle.zeroResentBytes())
                .put("durableBytes", cycle.durableBytes())
                .put("readBytes", cycle.readBytes())
                .put("seconds", cycle.seconds())
                .put("reconnects", cycle.reconnects());
    }
}

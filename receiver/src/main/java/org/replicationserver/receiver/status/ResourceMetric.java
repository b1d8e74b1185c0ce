package org.replicationserver.receiver.status;

import java.util.Map;

/**
 * A figure of the machine or of a volume at one moment. Immutable.
 *
 * @param name CloudWatch's where it has one
 * @param unit one of CloudWatch's units: Percent, Bytes, Count, Seconds
 * @param dimensions what it is of, none for the machine
 */
public record ResourceMetric(String name, String unit, double value, Map<String, String> dimensions) {
    public ResourceMetric {
        dimensions = Map.copyOf(dimensions);
    }
}

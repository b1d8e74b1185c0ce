package org.replicationserver.receiver.config;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * The assignment of a volume as somebody wrote it, not checked yet. A field is null if it is missing.
 *
 * @param where the place of the whole
 */
record VolumeText(
        String where,
        @Nullable Field volumeId,
        @Nullable Field deviceName,
        @Nullable Field path,
        @Nullable Field sizeBytes,
        @Nullable Field fresh) {
    static final String VOLUME_ID = "volumeId";
    static final String DEVICE_NAME = "deviceName";
    static final String PATH = "path";
    static final String SIZE_BYTES = "sizeBytes";
    static final String FRESH = "fresh";

    /** A value and its place. */
    record Field(String where, String text) {}

    /** An assignment that was checked before, to be checked beside others. */
    static VolumeText of(String where, VolumeAssignment volume) {
        return new VolumeText(
                where,
                new Field(where, volume.volumeId()),
                new Field(where, volume.deviceName()),
                volume.path() == null ? null : new Field(where, volume.path().toString()),
                new Field(where, Long.toString(volume.sizeBytes())),
                new Field(where, Boolean.toString(volume.fresh())));
    }
}

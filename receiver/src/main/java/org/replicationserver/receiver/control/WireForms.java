package org.replicationserver.receiver.control;

import java.util.regex.Pattern;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** The forms and limits of the control API that several bodies share. */
final class WireForms {
    static final IdForm COMMAND_ID = IdForm.SERVER;
    static final int ASSOCIATIONS_MAX = 64;
    static final int DISKS_MAX = 60;
    static final long DISK_BYTES_MIN = 1 << 20;
    static final long DISK_BYTES_MAX = ProtocolLimits.DISK_BYTES_MAX;
    static final int COMMANDS_MAX = 16;
    static final int BATCH_MAX = 500;
    static final int REASON_CHARS_MAX = 256;
    static final int SNAPSHOT_REQUESTS_MAX = 100;
    static final int CREDITS_MAX = 1_000_000;

    /** So that there is room for the server's own tags in EC2's 50. */
    static final int TAGS_MAX = 40;

    static final int TAG_CHARS_MAX = 256;

    static final Pattern PIN = Pattern.compile("sha256:[0-9a-f]{64}");
    static final String PIN_ALLOWED = "sha256:<64 lowercase hexadecimal digits>";
    static final Pattern CONSTANT = Pattern.compile("[A-Z][A-Z0-9_]{0,63}");
    static final String CONSTANT_ALLOWED = "a word of A-Z 0-9 _ that begins with a letter";

    private WireForms() {}

    static String sourceServerId(JsonMembers json, String name) throws MalformedException {
        return id(json, name, IdForm.SOURCE_SERVER);
    }

    static String volumeId(JsonMembers json, String name) throws MalformedException {
        return id(json, name, IdForm.VOLUME);
    }

    private static String id(JsonMembers json, String name, IdForm form) throws MalformedException {
        return json.text(name, form.pattern(), form.allowed());
    }

    static Pin pin(JsonMembers json, String name) throws MalformedException {
        return Pin.parse(json.text(name, PIN, PIN_ALLOWED));
    }

    /** Refuses a value of ours that the control plane would refuse. */
    static String require(String what, String text, Pattern pattern) {
        if (!pattern.matcher(text).matches()) {
            throw new IllegalArgumentException(what + " is not of the form " + pattern + ": " + PeerText.value(text));
        }
        return text;
    }

    static void requireBatch(int size) {
        if (size > BATCH_MAX) {
            throw new IllegalArgumentException("too many for one call: " + size + "; allowed: " + BATCH_MAX);
        }
    }
}

package org.replicationserver.receiver.software;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.SoftwareException.Kind;

/**
 * What is to be fetched, and what it must be. Immutable.
 *
 * @param name under which it is installed
 * @param version null where the software has none
 * @param sha512 128 lower-case hexadecimal digits; null if the bucket of hashes has it
 * @param signature of {@link SoftwareSignature}, base64; null if it is beside the hash
 */
public record FetchRequest(
        ObjectName object,
        String name,
        @Nullable SoftwareVersion version,
        @Nullable String sha512,
        @Nullable String signature) {
    /** Also the name of a file; never one that is hidden. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");

    private static final Pattern SHA512 = Pattern.compile("[0-9a-f]{128}");
    private static final Pattern SIGNATURE = Pattern.compile("[A-Za-z0-9+/]{86}==");

    /**
     * Checks the form of all of it.
     *
     * @param name null for the last part of the key
     * @param version null where the software has none
     */
    static FetchRequest of(
            ObjectName object,
            @Nullable String name,
            @Nullable String version,
            @Nullable String sha512,
            @Nullable String signature)
            throws SoftwareException {
        String named = name == null ? object.lastPart() : name;
        require(
                "name",
                named,
                NAME,
                "1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit");
        require("version", version, SoftwareVersion.FORM, SoftwareVersion.ALLOWED);
        require("sha512", sha512, SHA512, "128 lower-case hexadecimal digits");
        require("signature", signature, SIGNATURE, "64 bytes in base64");
        return new FetchRequest(
                object, named, version == null ? null : SoftwareVersion.parse(version), sha512, signature);
    }

    private static void require(String what, @Nullable String value, Pattern form, String allowed)
            throws SoftwareException {
        if (value != null && !form.matcher(value).matches()) {
            throw new SoftwareException(
                    Kind.BAD_REQUEST,
                    what + "=" + PeerText.value(value) + "; allowed: " + allowed,
                    "Give a " + what + " of this form in what asks for the software.");
        }
    }

    /** Whether a text is a name under which software may be installed. */
    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /** Whether a text is a hash in the form in which it is compared. */
    static boolean isSha512(String text) {
        return SHA512.matcher(text).matches();
    }

    /** In words, for a log. */
    String words() {
        return name + (version == null ? "" : " " + version) + " from " + object;
    }
}

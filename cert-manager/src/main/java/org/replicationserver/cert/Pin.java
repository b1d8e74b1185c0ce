package org.replicationserver.cert;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The SHA-256 of a certificate's SubjectPublicKeyInfo. Immutable, any thread.
 *
 * <p>It is public knowledge, so it may be logged and compared in any way. It is not the fingerprint of the certificate:
 * a certificate renewed with the same key has the same pin.
 */
public final class Pin {
    private static final String ALLOWED = "sha256:<64 lowercase hexadecimal digits> or sha256/<base64 of 32 bytes>";
    private static final Pattern HEX_FORM = Pattern.compile("sha256:([0-9a-f]{64})");
    private static final Pattern BASE64_FORM = Pattern.compile("sha256/([A-Za-z0-9+/]{43}=)");

    private final byte[] sha256;

    private Pin(byte[] sha256) {
        this.sha256 = sha256;
    }

    /** The pin of the key that the handshake proves: the one the JDK read from the certificate, in DER. */
    public static Pin of(X509Certificate certificate) {
        return of(certificate.getPublicKey());
    }

    static Pin of(PublicKey key) {
        try {
            return new Pin(MessageDigest.getInstance("SHA-256").digest(key.getEncoded()));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    /** Reads either text form; {@link #toString} gives the first. */
    public static Pin parse(String text) {
        byte[] sha256 = decode(text);
        if (sha256 == null) {
            // The text is not quoted: what is pasted by mistake into the place of a pin may be a key.
            throw new IllegalArgumentException("not a pin: length=" + text.length() + "; allowed: " + ALLOWED);
        }
        return new Pin(sha256);
    }

    private static byte @Nullable [] decode(String text) {
        Matcher hex = HEX_FORM.matcher(text);
        if (hex.matches()) {
            return HexFormat.of().parseHex(hex.group(1));
        }
        Matcher base64 = BASE64_FORM.matcher(text);
        return base64.matches() ? decodeBase64(base64.group(1)) : null;
    }

    /** Null if unused bits of the last digit are set, so that one pin has one text. */
    private static byte @Nullable [] decodeBase64(String digits) {
        byte[] decoded = Base64.getDecoder().decode(digits);
        return Base64.getEncoder().encodeToString(decoded).equals(digits) ? decoded : null;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Pin pin && Arrays.equals(sha256, pin.sha256);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(sha256);
    }

    @Override
    public String toString() {
        return "sha256:" + HexFormat.of().formatHex(sha256);
    }
}

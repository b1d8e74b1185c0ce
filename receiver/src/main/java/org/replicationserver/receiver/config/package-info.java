/**
 * What an operator may set: one immutable record per component, one table of keys ({@link
 * org.replicationserver.receiver.config.ConfigKeys}), the file of assignments, and the commands around them.
 *
 * <p>Every mistake is one line that says where, which key, which value and what is allowed; all mistakes are told at once.
 */
package org.replicationserver.receiver.config;

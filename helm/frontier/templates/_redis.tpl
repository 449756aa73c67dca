{{/* A StatefulSet of one Redis: (dict "root" $ "component" "redis" or "redis-replica") */}}
{{- define "frontier.redis" -}}
{{- $values := .root.Values.redis }}
{{- $config := include "frontier.redis.config" . }}
{{- $rights := .root.Files.Get "redis/services.acl" }}
{{- $name := printf "%s-%s" (include "frontier.fullname" .root) .component -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  labels: {{- include "frontier.labels" . | nindent 4 }}
data:
  redis.conf: | {{- $config | nindent 4 }}
  services.acl: | {{- $rights | nindent 4 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels: {{- include "frontier.labels" . | nindent 4 }}
spec:
  selector: {{- include "frontier.selector" . | nindent 4 }}
  ports:
    - { name: redis, port: 6379, targetPort: redis }
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels: {{- include "frontier.labels" . | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels: {{- include "frontier.selector" . | nindent 6 }}
  template:
    metadata:
      # Without the chart's version: an upgrade that changes nothing restarts nothing.
      labels: {{- include "frontier.selector" . | nindent 8 }}
      annotations:
        checksum/config: {{ printf "%s%s" $config $rights | sha256sum }}
    spec:
      serviceAccountName: {{ include "frontier.fullname" .root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- if .root.Values.priorityClasses.enabled }}
      priorityClassName: {{ include "frontier.priorityClass" (dict "root" .root "class" "gateway") }}
      {{- end }}
      terminationGracePeriodSeconds: 30
      securityContext: {{- include "frontier.podSecurity" 999 | nindent 8 }}
      {{- if eq .component "redis-replica" }}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels: {{- include "frontier.selector" (dict "root" .root "component" "redis") | nindent 20 }}
      {{- end }}
      containers:
        - name: redis
          image: {{ $values.image }}
          # Passwords are added in memory: no argument and no file on a disk has them. Services come as the user of `url`
          # with rights of their own, the administrator as `default`.
          command:
            - sh
            - -ec
            - |
              password="$(cat /secrets/redis/password)"
              address="$(cat /secrets/redis/url)"
              address="${address#*://}"
              case "$address" in *@*) credentials="${address%@*}" ;; *) credentials='' ;; esac
              user="${credentials%%:*}"
              {
                cat /etc/redis/redis.conf
                printf 'requirepass "%s"\nmasterauth "%s"\n' "$password" "$password"
                case "$user" in
                  '' | default) echo 'services come as the administrator: the key url of the Secret names no user' >&2 ;;
                  *)
                    case "${credentials#*:}" in
                      *[%@]*) echo 'the key url of the Secret has % or @ in its password: take letters and digits for the Redis of the chart' >&2; exit 1 ;;
                    esac
                    hash="$(printf %s "${credentials#*:}" | sha256sum | cut -d ' ' -f 1)"
                    printf 'user %s on #%s %s\n' "$user" "$hash" "$(cat /etc/redis/services.acl)"
                    ;;
                esac
              } > /tmp/redis.conf
              exec redis-server /tmp/redis.conf
          ports:
            - { name: redis, containerPort: 6379 }
          startupProbe:
            exec: { command: [sh, -c, 'REDISCLI_AUTH="$(cat /secrets/redis/password)" redis-cli ping | grep -q PONG'] }
            periodSeconds: 1
            timeoutSeconds: 5
            # Reading a large append-only file back takes its time.
            failureThreshold: 600
          livenessProbe:
            tcpSocket: { port: redis }
            periodSeconds: 10
            timeoutSeconds: 10
            failureThreshold: 6
          readinessProbe:
            tcpSocket: { port: redis }
            periodSeconds: 5
            timeoutSeconds: 5
          resources: {{- toYaml $values.resources | nindent 12 }}
          securityContext: {{- include "frontier.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            - { name: data, mountPath: /data }
            - { name: config, mountPath: /etc/redis, readOnly: true }
            - { name: password, mountPath: /secrets/redis, readOnly: true }
            - { name: tmp, mountPath: /tmp }
      volumes:
        - name: config
          configMap: { name: {{ $name }} }
        - name: password
          secret:
            secretName: {{ include "frontier.secret" (dict "root" .root "of" "redis") }}
            items: [{ key: password, path: password }, { key: url, path: url }]
            defaultMode: 0440
        - name: tmp
          emptyDir: { medium: Memory, sizeLimit: 1Mi }
  {{- include "frontier.claim" $values.persistence | nindent 2 }}
{{- end }}

{{- define "frontier.redis.config" -}}
port 6379
dir /data
# A queue must not lose work: every write goes to the append-only file, and none is evicted.
appendonly yes
appendfsync {{ .root.Values.redis.appendfsync }}
save ""
maxmemory {{ .root.Values.redis.maxMemory }}
maxmemory-policy noeviction
{{- if eq .component "redis-replica" }}
replicaof {{ include "frontier.fullname" .root }}-redis 6379
{{- end }}
{{- end }}

{{/* The volume of a StatefulSet; the argument is `persistence`. */}}
{{- define "frontier.claim" -}}
volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- end }}

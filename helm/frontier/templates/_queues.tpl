{{/* The settings in which everybody who touches the queues agrees. */}}
{{- define "frontier.queues.env" -}}
REDIS_URL_FILE: /secrets/redis/url
REDIS_REPLICAS: {{ ternary "1" "0" (and .Values.redis.enabled .Values.redis.replica.enabled) | quote }}
POOLS: {{ include "frontier.pools" . }}
{{- end }}

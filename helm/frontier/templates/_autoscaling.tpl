{{/* Refuses what cannot work, by the name of the value. Argument: (dict "root" $ "name" "batch" "worker" values) */}}
{{- define "frontier.autoscaling.check" -}}
{{- $mode := .root.Values.autoscaling.mode -}}
{{- $at := printf "workers.%s" .name -}}
{{- $needed := ternary (list "minReplicas" "maxReplicas" "requestsPerReplica") (list "minReplicas" "maxReplicas") (eq $mode "keda") -}}
{{- with .worker.autoscaling -}}
{{- range $value := $needed -}}
{{- if not (hasKey $.worker.autoscaling $value) }}{{ fail (printf "%s.autoscaling.%s is missing: autoscaling.mode %s needs it." $at $value $mode) }}{{ end -}}
{{- end -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "%s.autoscaling.minReplicas is %d, more than maxReplicas, %d: change one of them." $at (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and .scaleToZero (not $.worker.models) -}}
{{- fail (printf "%s.autoscaling.scaleToZero: the pool names no models, so it serves all of them. Name those that may wait for a pod in %s.models, and leave them out of the models of all other pools." $at $at) -}}
{{- end -}}
{{- if and .scaleToZero (eq $mode "hpa") -}}
{{- fail (printf "%s.autoscaling.scaleToZero: a HorizontalPodAutoscaler cannot scale to zero. Install KEDA and set autoscaling.mode to keda, or set it to false." $at) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $mode "hpa") (eq .worker.pool "gpu") -}}
{{- fail (printf "%s.autoscaling: a HorizontalPodAutoscaler looks at the CPU, which says nothing of a GPU. Install KEDA and set autoscaling.mode to keda, or empty it and set replicas." $at) -}}
{{- end -}}
{{- if and (eq $mode "hpa") .worker.schedule -}}
{{- fail (printf "%s.schedule: only KEDA knows schedules. Install it and set autoscaling.mode to keda, or empty the schedule." $at) -}}
{{- end -}}
{{- /* KEDA takes any text, and says only in an event that it understood nothing. */ -}}
{{- $fields := list (list "minute" "[0-5]?\\d") (list "hour" "[01]?\\d|2[0-3]") (list "day of the month" "0?[1-9]|[12]\\d|3[01]") (list "month" "0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)") (list "weekday (0 is Sunday)" "[0-6]|(?i:sun|mon|tue|wed|thu|fri|sat)") -}}
{{- range $i, $time := .worker.schedule -}}
{{- range $edge := list "start" "end" -}}
{{- range $n, $text := splitList " " (index $time $edge) -}}
{{- $field := index $fields $n -}}
{{- $item := printf "([*?]|(%[1]s)(-(%[1]s))?)(/[1-9]\\d*)?" (index $field 1) -}}
{{- if not (regexMatch (printf "^%[1]s(,%[1]s)*$" $item) $text) -}}
{{- fail (printf "%s.schedule[%d].%s is `%s`: `%s` is no %s; the fields are minute, hour, day of the month, month, weekday." $at $i $edge (index $time $edge) $text (index $field 0)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq $mode "keda") (not .root.Values.autoscaling.prometheusAddress) -}}
{{- fail "autoscaling.prometheusAddress is empty: KEDA asks Prometheus how many requests there are. Name it (http://prometheus.monitoring:9090), or set autoscaling.mode to hpa or none." -}}
{{- end -}}
{{- end -}}

{{/* What is outstanding of a pool, each version once, since all dispatchers say the same. Same argument. */}}
{{- define "frontier.autoscaling.outstanding" -}}
{{- $of := printf "namespace=%q,pool=%q" .root.Release.Namespace .worker.pool -}}
{{- $series := list -}}
{{- range .worker.models -}}
{{- $model := splitn "@" 2 . -}}
{{- $version := ternary (printf ",version=%q" $model._1) "" (contains "@" .) -}}
{{- $series = append $series (printf "outstanding_requests{%s,model=%q%s}" $of $model._0 $version) -}}
{{- end -}}
sum(max by (model, version) ({{ join " or " $series | default (printf "outstanding_requests{%s}" $of) }}))
{{- end -}}

{{/*
How long a request of a pool waits, while work waits at all: of a pool with models of its own, what is outstanding of
them by the rate at which they are settled. Same argument.
*/}}
{{- define "frontier.autoscaling.wait" -}}
{{- $queues := printf "max(predicted_wait_seconds{namespace=%q,pool=%q})" .root.Release.Namespace .worker.pool -}}
{{- if .worker.models -}}
{{- $names := list -}}
{{- range .worker.models }}{{ $names = append $names (splitn "@" 2 .)._0 }}{{ end -}}
{{ include "frontier.autoscaling.outstanding" . }} / sum(rate(requests_settled_total{namespace={{ quote .root.Release.Namespace }},model=~{{ uniq $names | join "|" | quote }}}[1m])) and on() {{ $queues }} > 0
{{- else -}}
{{ $queues }}
{{- end -}}
{{- end -}}

{{/*
The sorted sets of all that is outstanding in the queues of a pool: those of the first shard, since requests are spread
evenly over the shards. (Lists of BullMQ would count bundles of up to 64 requests.) The names follow from the shard:
libs/redis/src/hash-slot.ts.
*/}}
{{- define "frontier.autoscaling.queues" -}}
{{- if eq . "gpu" }}{f:vg0:40} {f:sg0:269} {f:lg0:276}{{ else }}{f:vc0:477} {f:sc0:288} {f:lc0:42}{{ end }}
{{- end -}}

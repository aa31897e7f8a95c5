#!/bin/sh
# A simulation as a Slurm job array: each task plays one chunk, a task that is lost is played again, and what `reduce` makes of
# the chunks is what one machine would have printed.
#
#   sbatch --array=1-100 deploy/slurm.sh DESIGN OUT [OPTIONS OF seglab simulate ...]
#   seglab reduce OUT/chunk-*.json
#
# DESIGN and OUT stand on storage that every node sees. A chunk that is there is whole, and is not played again.
#SBATCH --job-name=seglab
#SBATCH --requeue
#SBATCH --ntasks=1
set -eu
if [ $# -lt 2 ]; then
    echo 'usage: sbatch --array=1-N slurm.sh DESIGN OUT [OPTIONS OF seglab simulate ...]' >&2
    exit 2
fi
design="$1" out="$2"
shift 2
first="${SLURM_ARRAY_TASK_MIN:?submit with --array=1-N}" chunks="${SLURM_ARRAY_TASK_COUNT:?}"
chunk="$((SLURM_ARRAY_TASK_ID - first + 1))"
file="$out/chunk-$(printf '%06d' "$chunk").json"
if [ -s "$file" ]; then exit 0; fi
exec "${SEGLAB:-seglab}" simulate "$design" --chunk "$chunk/$chunks" -o "$file" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"

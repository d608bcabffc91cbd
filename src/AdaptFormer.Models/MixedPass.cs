using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Models;

/// <summary>
/// A prediction for samples of several tasks at once: sorted by task, cut into chunks that know whose their rows are, and answered by each
/// task's own head.
/// </summary>
public static class MixedPass
{
    /// <summary>Runs inputs, or what a shared trunk made of them, through the backbone.</summary>
    /// <param name="model">The backbone of all tasks.</param>
    /// <param name="x">Inputs, or what <see cref="Backbone.RunBefore(int, Tensor, Slots)"/> made.</param>
    /// <param name="cut">Where that stopped; null for inputs.</param>
    /// <param name="tasks">The task of each answer.</param>
    /// <param name="samples">The row of x that each answer is about.</param>
    /// <returns>The logits of each answer, [K], f32.</returns>
    /// <exception cref="ArgumentException">There are not as many tasks as samples, a sample is none of x's rows, or the model is
    /// tuned.</exception>
    public static Tensor[] Run(Backbone model, Tensor x, int? cut, IReadOnlyList<TaskSlots> tasks, IReadOnlyList<int> samples)
    {
        Check(model, x, tasks, samples);
        Tensor[] answers = new Tensor[tasks.Count];
        using TensorScope scope = new();
        foreach (int[] bucket in Buckets(tasks))
        {
            foreach (int[] chunk in bucket.Chunk(model.ChunkSize(bucket.Length)))
            {
                using TensorScope inner = new();
                List<(int Start, int Count, TaskSlots Task)> runs = MixedSlots.Runs([.. chunk.Select(i => tasks[i])]);
                Tensor features = model.FeaturesAfter(cut, Rows(x, [.. chunk.Select(i => samples[i])]), MixedSlots.Of(runs));
                foreach ((int start, int count, TaskSlots task) in runs)
                {
                    Tensor logits = task.Head!.Forward(features.SliceBatch(start, count));
                    for (int i = 0; i < count; i++)
                        answers[chunk[start + i]] = scope.Keep(inner.Keep(logits.SliceBatch(i, 1).Reshape(logits.Shape[1])));
                }
            }
        }

        return answers;
    }

    /// <summary>
    /// Answers that can share a pass, because their prompts change the number of tokens alike; in each, those of one task together.
    /// </summary>
    private static IEnumerable<int[]> Buckets(IReadOnlyList<TaskSlots> tasks)
    {
        Dictionary<TaskSlots, int> first = [];
        for (int i = 0; i < tasks.Count; i++) first.TryAdd(tasks[i], i);
        return Enumerable.Range(0, tasks.Count).GroupBy(i => tasks[i].Prompts?.Layout)
            .Select(bucket => bucket.OrderBy(i => first[tasks[i]]).ToArray());
    }

    /// <summary>The given samples of x, in that order.</summary>
    private static Tensor Rows(Tensor x, int[] samples)
    {
        bool together = samples.Index().All(entry => entry.Item == samples[0] + entry.Index);
        return together
            ? x.SliceBatch(samples[0], samples.Length) : BatchOps.ConcatBatch([.. samples.Select(sample => x.SliceBatch(sample, 1))]);
    }

    private static void Check(Backbone model, Tensor x, IReadOnlyList<TaskSlots> tasks, IReadOnlyList<int> samples)
    {
        if (x.Tape is not null)
            throw new ArgumentException($"{model.Id}: tasks apart from the model are for predictions; attach a method to train it.");
        if (tasks.Count != samples.Count)
            throw new ArgumentException($"{model.Id}: {tasks.Count} tasks for {samples.Count} samples; name one task for each.");
        int rows = x.Shape.Rank == 0 ? 0 : x.Shape[0];
        if (samples.FirstOrDefault(sample => sample < 0 || sample >= rows, -1) is var wrong and >= 0)
            throw new ArgumentException($"{model.Id}: an answer asks for sample {wrong} of {rows}.");
        foreach (TaskSlots task in tasks) model.CheckTask(task);
    }
}

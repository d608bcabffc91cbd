using AdaptFormer.Data.Loading;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Experiments;

/// <summary>
/// Trainings and predictions on the current device with inputs and weights that hold nothing: they need the memory that real ones need, and
/// no file.
/// </summary>
public static class Rehearsal
{
    /// <summary>Two steps of the training that a recipe asks for.</summary>
    /// <param name="recipe">The recipe; its weights and data are not read.</param>
    /// <param name="classes">K.</param>
    /// <exception cref="ArgumentException">The model is not known, or an option of the method is out of range for it.</exception>
    public static void Train(Recipe recipe, int classes)
    {
        LossOptions loss = recipe.Loss with { BalanceClasses = false, ClassWeights = null };
        int accumulate = Math.Min(recipe.Accumulate, 2);        // a third batch needs no more memory than the second
        Train(RecipeBackbone.Sizes(recipe.Model).Create(recipe.Model.Name, recipe.Precision.Compute()), recipe.Tuning, classes,
            recipe.Batch, new TrainerOptions(
                2, recipe.Optimizer, recipe.Schedule, accumulate, ClipNorm: recipe.ClipNorm, EmaDecay: recipe.EmaDecay)
            { Recompute = recipe.Recompute }, loss);
    }

    /// <summary>The training of a model and a method.</summary>
    /// <param name="model">A backbone of these sizes, which is disposed afterwards.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="classes">K.</param>
    /// <param name="batch">Pictures per pass.</param>
    /// <param name="options">How it learns; an epoch is one step.</param>
    /// <param name="loss">The loss.</param>
    public static void Train(Backbone model, Tuning tuning, int classes, int batch, TrainerOptions options, LossOptions loss)
    {
        using Backbone tuned = model;
        tuning.Attach(tuned, classes, new Rng(0));
        using Trainer trainer = new(LabelTask.Of(tuned, new TrainingLoss(loss)), options);
        trainer.Fit(new EmptySource(tuned.InputShape, batch, options.Accumulate), validation: null);
    }

    /// <summary>One prediction of a model and a method.</summary>
    /// <param name="model">A backbone of these sizes, which is disposed afterwards.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="classes">K.</param>
    /// <param name="batch">Pictures per pass.</param>
    public static void Predict(Backbone model, Tuning tuning, int classes, int batch)
    {
        using Backbone tuned = model;
        tuning.Attach(tuned, classes, new Rng(0));
        tuned.Freeze();
        using TensorScope scope = new();
        tuned.Forward(Tensor.Empty(new Shape([batch, .. tuned.InputShape])));
    }

    private sealed class EmptySource(Shape input, int batch, int batches) : BatchSource
    {
        public override LoaderOptions Options { get; } = new(batch);

        public override int BatchesPerEpoch => batches;

        public override int SamplesPerEpoch => batches * batch;

        public override int Views => 1;

        public override TimeSpan WaitTime => TimeSpan.Zero;

        public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0)
        {
            for (int i = from; i < batches; i++) yield return new EmptyBatch(input, batch);
        }

        public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => model.Forward(input, observe);
    }

    private sealed class EmptyBatch(Shape input, int batch) : InputBatch
    {
        private readonly int[] _labels = new int[batch];

        // As a loader's 8-bit pictures arrive on a device.
        public override Tensor Input { get; } = Backend.Current.Device == Device.Host ? Tensor.Empty(new Shape([batch, .. input]))
            : Tensor.OfPixels(new byte[batch * input.Length], new float[3 * 256], new Shape([batch, .. input]));

        public override ReadOnlySpan<int> Labels => _labels;

        public override void Dispose() => Input.Dispose();
    }
}

using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Runs;

/// <summary>From a run directory to a model that answers.</summary>
public static class RunPredictor
{
    extension(Predictor)
    {
        /// <summary>Opens what a run has learned, on the weights that its recipe names.</summary>
        /// <param name="folder">The run directory.</param>
        /// <param name="precision">Precision of the products; the run's if null or <c>auto</c>.</param>
        /// <exception cref="IOException">The folder holds no run, the run has learned nothing yet, or its weights are gone.</exception>
        /// <exception cref="InvalidDataException">A file is damaged, or does not fit the others.</exception>
        public static Predictor OpenRun(string folder, Precision? precision = null)
        {
            using RunDirectory run = RunDirectory.Open(folder);
            Recipe recipe = run.ReadRecipe();
            string adapter = run.AdapterPath;
            if (!File.Exists(adapter))
                throw new FileNotFoundException($"{folder} holds a run that has learned nothing yet: there is no {adapter}.", adapter);
            Precision recorded = recipe.Precision != Precision.Auto
                ? recipe.Precision : PrecisionChoice.Named(AdapterFile.Open(adapter).SelfTest.Precision);
            recipe = recipe with { Precision = (precision ?? Precision.Auto).Following(recorded) };
            return Predictor.Owning(() => RecipeBackbone.Load(recipe), recipe.Precision, model =>
            {
                AdapterInfo info = AdapterFile.Load(adapter, model);
                return new Predictor(model, info.Labels, info.Preprocessing, info.MultiLabel, ownsModel: true);
            });
        }
    }
}

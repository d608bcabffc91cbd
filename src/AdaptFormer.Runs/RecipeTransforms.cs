using AdaptFormer.Data.Transforms;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;

namespace AdaptFormer.Runs;

/// <summary>What a recipe adds to what a set of weights expects of pictures and clips.</summary>
internal static class RecipeTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights.</summary>
        /// <param name="augment">How training cuts and mirrors them; evaluation follows the weights alone.</param>
        public TransformOptions ToTransform(AugmentOptions augment) => expected.ToTransform() with
        {
            Crop = augment.Crop,
            MinArea = augment.MinArea,
            Flip = augment.Flip,
            ColorJitter = augment.ColorJitter,
            RandAugment = augment.RandAugment,
            Erase = augment.Erase,
        };
    }

    extension(DataOptions data)
    {
        /// <summary>What training and scoring make of the items.</summary>
        /// <param name="pictures">What the model's pictures must look like.</param>
        /// <param name="input">Shape of one input: [3, S, S] for pictures, [3, T, S, S] for clips.</param>
        public TransformOptions TransformFor(Preprocessing pictures, Shape input) => input.Rank == 4
            ? data.Clip.For(input[1], input[2], pictures.Pixels, data.Transform) with { Orientation = pictures.ClipOrientation }
            : pictures.ToTransform(data.Transform);
    }
}

using AdaptFormer.Data;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Training.Recipes;
using Rgb = AdaptFormer.Models.Rgb;

namespace AdaptFormer.Training;

/// <summary>What a recipe adds to what a set of weights expects of pictures and clips.</summary>
internal static class RecipeTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights.</summary>
        /// <param name="augment">How training cuts and mirrors them; evaluation follows the weights alone.</param>
        public TransformOptions ToTransform(AugmentOptions augment) => expected.ToTransform() with
        {
            Crop = augment.Crop, MinArea = augment.MinArea, Flip = augment.Flip, ColorJitter = augment.ColorJitter, RandAugment = augment.RandAugment, Erase = augment.Erase,
        };
    }

    extension(ClipSettings clip)
    {
        /// <summary>What scoring makes of a video under these settings.</summary>
        /// <param name="imgSize">S.</param>
        /// <param name="mean">Of R, G, B.</param>
        /// <param name="std">Of R, G, B.</param>
        public Preprocessing ToPreprocessing(int imgSize, Rgb mean, Rgb std) => new(
            imgSize, mean, std, clip.EvalResize ?? imgSize, Enum.Parse<Resampling>(clip.Interpolation.ToString()),
            new ClipViews(Enum.Parse<FrameRule>(clip.Sampling.ToString()), clip.SamplingRate, clip.Segments, clip.Crops));
    }
}
